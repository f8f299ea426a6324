"""The training windows of an epoch."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

from rjcma.training.clip_data import ClipData
from rjcma.training.windows import ClipWindow, Window, Windows, fixed, random


def epoch_windows(
    clips: Sequence[ClipData], windows: Windows, generator: Generator
) -> tuple[list[ClipWindow], int]:
    """An epoch's training windows, shuffled, and the number of windows left out.

    Windows with fewer than two labelled frames are left out, since one frame has no CCC. If this
    leaves no random window, fixed windows are used, which cover all frames.
    """
    fixed_windows = [fixed(data.clip.frames, windows) for data in clips]
    if windows.offsets == "random":
        random_windows = [random(data.clip.frames, windows, generator) for data in clips]
        labelled = _labelled(clips, random_windows) or _labelled(clips, fixed_windows)
    else:
        labelled = _labelled(clips, fixed_windows)
    order = generator.permutation(len(labelled))
    return [labelled[n] for n in order], sum(map(len, fixed_windows)) - len(labelled)


def _labelled(clips: Sequence[ClipData], windows: Sequence[Sequence[Window]]) -> list[ClipWindow]:
    return [
        ClipWindow(data.clip.name, start, stop)
        for data, of_clip in zip(clips, windows, strict=True)
        for start, stop in of_clip
        if data.labelled[start:stop].sum() > 1
    ]

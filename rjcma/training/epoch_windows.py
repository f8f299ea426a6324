"""The training windows of an epoch."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

from rjcma.training.clip_data import ClipData
from rjcma.training.windows import ClipWindow, Window, Windows, fixed, random


def epoch_windows(
    clips: Sequence[ClipData], windows: Windows, generator: Generator
) -> tuple[list[ClipWindow], int]:
    """An epoch's training windows, shuffled, and how many were left out for want of labels.

    A window needs two labelled frames, since there is no CCC of one.

    Where random windows happen to miss every label, fixed ones, which reach all frames, are taken.
    """
    cut = [fixed(data.clip.frames, windows) for data in clips]
    if windows.offsets == "random":
        places = [random(data.clip.frames, windows, generator) for data in clips]
        labelled = _labelled(clips, places) or _labelled(clips, cut)
    else:
        labelled = _labelled(clips, cut)
    order = generator.permutation(len(labelled))
    return [labelled[n] for n in order], sum(map(len, cut)) - len(labelled)


def _labelled(clips: Sequence[ClipData], windows: Sequence[Sequence[Window]]) -> list[ClipWindow]:
    return [
        ClipWindow(data.clip.name, start, stop)
        for data, some in zip(clips, windows, strict=True)
        for start, stop in some
        if data.labelled[start:stop].sum() > 1
    ]

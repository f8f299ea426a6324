"""The table of clips: how each was predicted by the runs that were not trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rjcma.corpus.labels import Ranges
from rjcma.pages.frames import Frames, Mask
from rjcma.pages.palette import colours
from rjcma.pages.site import clip_address
from rjcma.pages.sparkline import Sparkline, path


class Row(NamedTuple):
    """A clip; what is not known of it is None."""

    name: str
    address: str
    """Of its page, from the front page."""
    group: str
    """Where it is scored: `fold 0`, or `test`."""
    seconds: float
    frames: int
    """Labelled frames."""
    ccc: list[float | None]
    """By target."""
    mean: float | None
    """The mean of its targets' CCC."""
    rmse: list[float | None]
    """By target, in the target's own units."""
    no_face: float | None
    """The share of frames without a face."""
    speech: float | None
    """The share of frames in which somebody speaks."""
    lines: list[Sparkline]
    """By target."""


def rows(frames: Sequence[Frames], ranges: Ranges) -> list[Row]:
    """A row per clip, the worst first; clips without a CCC are last.

    `ranges` are those of the targets that were run.
    """
    made = [_row(clip, ranges) for clip in frames]
    return sorted(made, key=lambda row: (row.mean is None, row.mean or 0.0, row.name))


def _row(frames: Frames, ranges: Ranges) -> Row:
    clip, targets = frames.clip, list(ranges)
    cccs = [frames.ccc(target) for target in targets]
    known = [value for value in cccs if value is not None]
    labelled = np.any([np.isfinite(frames.truth[target]) for target in targets], axis=0)
    times = clip.frame_times()
    return Row(
        name=clip.name,
        address=clip_address(clip.name),
        group=_group(frames),
        seconds=float(times[-1] - times[0] + 1 / clip.fps),
        frames=int(labelled.sum()),
        ccc=cccs,
        mean=float(np.mean(known)) if known else None,
        rmse=[_rmse(frames, target) for target in targets],
        no_face=_share(frames.face, False),
        speech=_share(frames.speech, True),
        lines=[
            Sparkline(
                colours(targets)[target],
                path(frames.truth[target], scale),
                path(frames.prediction[target], scale),
            )
            for target, scale in ranges.items()
        ],
    )


def _group(frames: Frames) -> str:
    if frames.clip.partition == "test":
        return "test"
    return ", ".join(f"fold {fold}" for fold in frames.folds) or "trained on"


def _rmse(frames: Frames, target: str) -> float | None:
    scored = frames.scored(target)
    if not scored.any():
        return None
    return float(
        np.sqrt(np.mean((frames.prediction[target][scored] - frames.truth[target][scored]) ** 2))
    )


def _share(mask: Mask | None, value: bool) -> float | None:
    return None if mask is None else float(np.mean(mask == value))

"""The table of clips: how each was predicted by the runs that were not trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rjcma.pages.frames import Frames, Mask
from rjcma.pages.site import clip_address


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


def rows(frames: Sequence[Frames], targets: Sequence[str]) -> list[Row]:
    """A row per clip, the worst first; clips without a CCC are last."""
    made = [_row(clip, targets) for clip in frames]
    return sorted(made, key=lambda row: (row.mean is None, row.mean or 0.0, row.name))


def _row(frames: Frames, targets: Sequence[str]) -> Row:
    clip = frames.clip
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

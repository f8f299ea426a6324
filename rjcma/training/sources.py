"""What a run reads of a clip: its features, frame by frame, and the labels of one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rjcma.audio import compact
from rjcma.corpus import labels
from rjcma.corpus.labels import TARGETS, Target
from rjcma.corpus.manifest import Clip
from rjcma.problem import Problem
from rjcma.store import Track
from rjcma.vision.compact import SIZE

SPANS = {"logmel": compact.WINDOW[0]}
"""Rows that make one frame's value, a feature; one where it is not named."""

LOOKED_AT = {"faces": f"crops of at least {SIZE} pixels", "logmel": f"windows of {compact.WINDOW}"}
"""What the encoders look at; every other feature is a vector a frame."""


@dataclass(frozen=True)
class Source:
    """One clip: a track a modality, and labels (T,) float32, NaN where there is none."""

    clip: Clip
    tracks: dict[str, Track]
    labels: NDArray[np.float32]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which frames have a label, (T,)."""
        return ~np.isnan(self.labels)


def track(folder: Path, clip: Clip, feature: str) -> Track:
    """The track of a clip's feature (faces, logmel, text, visual, audio), lying in `folder`."""
    path, span = folder / f"{clip.name}.h5", SPANS.get(feature, 1)
    return Track(path, clip=clip.name, frames=clip.frames, span=span)


def open_all(
    clips: Sequence[Clip],
    folders: dict[str, Path],
    features: dict[str, str],
    label_folder: Path,
    target: Target,
) -> list[Source]:
    """A source a clip, with `folders` and names of `features` by modality.

    Every file is looked at, so that one that is missing or of another clip is found before the
    first epoch. Raises `Problem`. Test clips have no labels: all are NaN.
    """
    sources: list[Source] = []
    for clip in clips:
        tracks = {m: track(folders[m], clip, features[m]) for m in features}
        first = sources[0].tracks if sources else tracks
        for m in features:
            _refuse_misshapen(tracks[m], features[m], first[m])
        sources.append(Source(clip, tracks, _labels(label_folder, clip, target)))
    return sources


def _refuse_misshapen(track: Track, feature: str, first: Track) -> None:
    """Raise `Problem` unless the values are of the feature's kind, and as the first clip's."""
    shape = track.value_shape
    fits = {
        "faces": len(shape) == 3 and min(shape[:2]) >= SIZE and shape[2] == 3,
        "logmel": shape == compact.WINDOW,
    }.get(feature, len(shape) == 1)
    if not fits or shape != first.value_shape:
        raise Problem(
            clip=track.clip,
            file=track.path,
            found=f"values of shape {shape}",
            expected=LOOKED_AT.get(feature, "a vector")
            + (f" as clip {first.clip}'s, {first.value_shape}" if fits else ""),
            cure="run `dvc repro`, or correct encoders.mode or faces.size, which say what is read",
        )


def _labels(folder: Path, clip: Clip, target: Target) -> NDArray[np.float32]:
    if clip.partition == "test":
        return np.full(clip.frames, np.nan, np.float32)
    values: NDArray[Any] = labels.read(folder, clip)
    return values[:, TARGETS.index(target)]

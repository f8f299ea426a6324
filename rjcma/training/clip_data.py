"""What a run reads of a clip: its features, frame by frame, and the labels of one target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rjcma.corpus import labels
from rjcma.corpus.labels import TARGETS, Target
from rjcma.encoders.inputs import reader, refuse_other_inputs
from rjcma.encoders.settings import Encoded
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.store import FeatureReader

InputShapes = Mapping[str, tuple[int, ...] | None]
"""By modality that takes part, what its encoder takes of a frame where it is trained along; None
where vectors are read."""

NOTHING = {"visual": "face", "audio": "sound", "text": "word"}


@dataclass(frozen=True)
class ClipData:
    """One clip: a reader a modality, and labels (T,) float32, NaN where there is none."""

    clip: Clip
    readers: dict[str, FeatureReader]
    labels: NDArray[np.float32]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which frames have a label, (T,)."""
        return ~np.isnan(self.labels)


def open_all(
    clips: Sequence[Clip],
    folders: Mapping[str, Path],
    input_shapes: InputShapes,
    label_folder: Path | None,
    target: Target,
) -> list[ClipData]:
    """The data of every clip, from the `folders` of features by modality.

    Every file is looked at, so that one that is missing or of another clip is found before the
    first epoch. Without a `label_folder`, and for test clips, all labels are NaN. Raises `Problem`
    for a file that does not fit its clip or the network, and, where there are labels to learn, for
    a modality of which no clip has anything.
    """
    opened: list[ClipData] = []
    for clip in clips:
        readers = {m: _reader(folders[m], clip, m, shape) for m, shape in input_shapes.items()}
        for m in input_shapes:
            _refuse_other_shapes(m, readers[m], opened[0].readers[m] if opened else readers[m])
        opened.append(ClipData(clip, readers, _labels(label_folder, clip, target)))
    if label_folder is not None:
        _refuse_nothing(opened, folders)
    return opened


def _reader(
    folder: Path, clip: Clip, modality: str, input_shape: tuple[int, ...] | None
) -> FeatureReader:
    """A clip's reader, its values looked at."""
    if input_shape is not None:
        encoded = cast(Encoded, modality)
        values = reader(folder, clip, encoded)
        refuse_other_inputs(values, encoded, input_shape)
        return values
    values = FeatureReader(folder / f"{clip.name}.h5", clip=clip.name, frames=clip.frames)
    if len(values.value_shape) != 1:
        raise _misshapen(values, modality, "a vector a frame")
    return values


def _refuse_other_shapes(modality: str, values: FeatureReader, first: FeatureReader) -> None:
    """Raise `Problem` unless a clip's values have the shape of the first clip's."""
    if values.value_shape != first.value_shape:
        expected = f"{first.value_shape}, as clip {first.clip}'s"
        raise _misshapen(values, modality, expected)


def _refuse_nothing(opened: Sequence[ClipData], folders: Mapping[str, Path]) -> None:
    """Raise `Problem` for a modality of which no clip has anything."""
    modalities = list(opened[0].readers) if opened else []
    for m in modalities:
        if not any((data.readers[m].index >= 0).any() for data in opened):
            raise _nothing(m, folders[m], modalities)


def _misshapen(values: FeatureReader, modality: str, expected: str) -> Problem:
    keys = "text.model" if modality == "text" else f"encoders.{modality}.mode"
    return Problem(
        clip=values.clip,
        file=values.path,
        found=f"values of shape {values.value_shape}",
        expected=expected,
        cure=f"run `dvc repro`, or correct {keys}, which says what is read",
    )


def _nothing(modality: str, folder: Path, modalities: Sequence[str]) -> Problem:
    others = ", ".join(m for m in modalities if m != modality)
    return Problem(
        file=folder,
        found=f"no {NOTHING[modality]} in any frame of any clip",
        expected=f"something to learn from, since {modality} is among fusion.modalities",
        cure=f"set fusion.modalities: [{others}] to go on without it"
        if others
        else "choose other fusion.modalities",
    )


def _labels(folder: Path | None, clip: Clip, target: Target) -> NDArray[np.float32]:
    if folder is None or clip.partition == "test":
        return np.full(clip.frames, np.nan, np.float32)
    values: NDArray[Any] = labels.read(folder, clip)
    return values[:, TARGETS.index(target)]

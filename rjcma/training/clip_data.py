"""A clip's data for a run: its features, frame by frame, and its labels for one target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rjcma.corpus import labels
from rjcma.encoders.inputs import reader, refuse_other_inputs
from rjcma.encoders.settings import Encoded
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.store import FeatureReader
from rjcma.training.sound_reader import SoundReader

InputShapes = Mapping[str, tuple[int, ...] | None]
"""By modality, the shape of its encoder's input for a frame, if the encoder is trained with the
network; None if the features are vectors."""

SOUND: tuple[int, ...] = ()
"""The shape for an encoder that reads the sound around a window's frames."""

CONTENT = {"visual": "face", "audio": "sound", "text": "word"}


@dataclass(frozen=True)
class ClipData:
    """One clip: a reader per modality, and labels (T,) float32, NaN where unlabelled."""

    clip: Clip
    readers: dict[str, FeatureReader]
    labels: NDArray[np.float32]

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether each frame has a label, (T,)."""
        return ~np.isnan(self.labels)


def open_all(
    clips: Sequence[Clip],
    folders: Mapping[str, Path],
    input_shapes: InputShapes,
    label_folder: Path | None,
    target: str,
) -> list[ClipData]:
    """The data of every clip, from the `folders` of features by modality.

    It checks every file, so that a missing or wrong one is found before the first epoch. Without a
    `label_folder`, and for test clips, all labels are NaN. Raises `Problem` for a file that does
    not fit its clip or the network. With a `label_folder`, it also raises `Problem` for a modality
    without content in any clip.
    """
    opened: list[ClipData] = []
    for clip in clips:
        readers = {m: _reader(folders[m], clip, m, shape) for m, shape in input_shapes.items()}
        for m in input_shapes:
            _refuse_other_shapes(m, readers[m], opened[0].readers[m] if opened else readers[m])
        opened.append(ClipData(clip, readers, _labels(label_folder, clip, target)))
    if label_folder is not None:
        _refuse_empty_modality(opened, folders)
    return opened


def _reader(
    folder: Path, clip: Clip, modality: str, input_shape: tuple[int, ...] | None
) -> FeatureReader:
    """A clip's reader, after a check of the shape of its values."""
    if input_shape == SOUND:
        return SoundReader(folder / f"{clip.name}.h5", clip)
    if input_shape is not None:
        with_encoder = cast(Encoded, modality)
        values = reader(folder, clip, with_encoder)
        refuse_other_inputs(values, with_encoder, input_shape)
        return values
    values = FeatureReader(folder / f"{clip.name}.h5", clip=clip.name, frames=clip.frames)
    if len(values.value_shape) != 1:
        raise _wrong_shape(values, modality, "one vector per frame")
    return values


def _refuse_other_shapes(modality: str, values: FeatureReader, first: FeatureReader) -> None:
    """Raise `Problem` unless a clip's values have the shape of the first clip's."""
    if values.value_shape != first.value_shape:
        expected = f"{first.value_shape}, as in clip {first.clip}"
        raise _wrong_shape(values, modality, expected)


def _refuse_empty_modality(opened: Sequence[ClipData], folders: Mapping[str, Path]) -> None:
    """Raise `Problem` for a modality that has no content in any clip."""
    modalities = list(opened[0].readers) if opened else []
    for m in modalities:
        if not any((data.readers[m].index >= 0).any() for data in opened):
            raise _empty_modality(m, folders[m], modalities)


def _wrong_shape(values: FeatureReader, modality: str, expected: str) -> Problem:
    keys = "text.model" if modality == "text" else f"encoders.{modality}.mode"
    return Problem(
        clip=values.clip,
        file=values.path,
        found=f"values of shape {values.value_shape}",
        expected=expected,
        cure=f"run `dvc repro`, or correct {keys}, which sets what is read",
    )


def _empty_modality(modality: str, folder: Path, modalities: Sequence[str]) -> Problem:
    others = ", ".join(m for m in modalities if m != modality)
    return Problem(
        file=folder,
        found=f"no {CONTENT[modality]} in any frame of any clip",
        expected=f"a {CONTENT[modality]} in at least one frame, since {modality} is among"
        " fusion.modalities",
        cure=f"set fusion.modalities: [{others}] to go on without it"
        if others
        else "choose other fusion.modalities",
    )


def _labels(folder: Path | None, clip: Clip, target: str) -> NDArray[np.float32]:
    if folder is None:
        return np.full(clip.frames, np.nan, np.float32)
    return labels.of_target(folder, clip, target)

"""The encoders' inputs: a clip's stored faces, or its log-mel windows."""

from __future__ import annotations

from pathlib import Path

from rjcma.audio.windows import WINDOW_ROWS
from rjcma.encoders.settings import Encoded
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.store import FeatureReader

SPANS: dict[Encoded, int] = {"visual": 1, "audio": WINDOW_ROWS}
"""Rows in an encoder's input for one frame: one crop, or the rows of a log-mel window."""


def reader(folder: Path, clip: Clip, modality: Encoded) -> FeatureReader:
    """A reader of the clip's faces or log-mel windows in `folder`."""
    path = folder / f"{clip.name}.h5"
    return FeatureReader(path, clip=clip.name, frames=clip.frames, span=SPANS[modality])


def refuse_other_inputs(
    values: FeatureReader, modality: Encoded, input_shape: tuple[int, ...]
) -> None:
    """Raise `Problem` unless a clip's values fit an encoder with this `input_shape`.

    Crops (S, S, 3) fit if S is at least the encoder's input size, to which they are cut.
    """
    shape = values.value_shape
    if modality == "visual":
        size = input_shape[-1]
        expected = f"crops of at least {size} pixels"
        fits = len(shape) == 3 and min(shape[:2]) >= size and shape[2] == 3
    else:
        expected = f"windows of {input_shape}"
        fits = shape == input_shape
    if not fits:
        raise Problem(
            clip=values.clip,
            file=values.path,
            found=f"values of shape {shape}",
            expected=expected,
            cure=f"run `dvc repro`, or correct encoders.{modality}.mode or faces.size, which set"
            " what is read",
        )

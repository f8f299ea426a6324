"""Features that only refer to an encoder's inputs, which may not have been pulled with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import h5py

from rjcma.manifest import Clip
from rjcma.problem import Problem

NAMED = 3  # clips that a problem names (ours)


def refuse_without_inputs(folder: Path, clips: Sequence[Clip]) -> None:
    """Raise `Problem` if the files in `folder` refer to files that are missing.

    All of them refer to one other folder (`rjcma.encoders.encode_all`).
    """
    inputs = _referred(folder / f"{clips[0].name}.h5") if clips else None
    if inputs is None:
        return
    absent = [clip.name for clip in clips if not (inputs / f"{clip.name}.h5").is_file()]
    if absent:
        named = ", ".join([*absent[:NAMED], *["…"] * (len(absent) > NAMED)])
        raise Problem(
            file=inputs,
            found=f"no files of {len(absent)} clips ({named})",
            expected=f"the inputs of an encoder that is to be trained, to which {folder} refers",
            cure=f"`dvc pull {inputs}`, or `dvc repro`, which makes them",
        )


def _referred(path: Path) -> Path | None:
    """The folder that a store file refers to; None if it holds its own rows or cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            link = file.get("rows", getlink=True)
    except OSError:
        return None
    if not isinstance(link, h5py.ExternalLink):
        return None
    return Path(os.path.normpath(path.parent / link.filename)).parent

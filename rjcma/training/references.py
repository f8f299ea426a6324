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
    found = _referred(folder / f"{clips[0].name}.h5") if clips else None
    if found is None:
        return
    inputs, sound = found.parent, found.suffix == ".wav"
    names = {clip.name: f"{clip.video}.wav" if sound else f"{clip.name}.h5" for clip in clips}
    absent = [clip for clip, name in names.items() if not (inputs / name).is_file()]
    if absent:
        named = ", ".join([*absent[:NAMED], *["…"] * (len(absent) > NAMED)])
        raise Problem(
            file=inputs,
            found=f"no files of {len(absent)} clips ({named})",
            expected=f"the inputs of an encoder that is to be trained, to which {folder} refers",
            cure=f"`dvc pull {inputs}`, or `dvc repro`, which makes them",
        )


def _referred(path: Path) -> Path | None:
    """The file that a store file refers to; None if it holds its own rows or cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            link, sound = file.get("rows", getlink=True), file.attrs.get("sound")
    except OSError:
        return None
    target = link.filename if isinstance(link, h5py.ExternalLink) else sound
    return None if target is None else Path(os.path.normpath(path.parent / target))

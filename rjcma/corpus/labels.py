"""Labels on disk: `<clip>.npy`, (T, 2) float32, valence and arousal, NaN where unlabelled.

Test clips have no file.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from rjcma.corpus.annotation import Labels
from rjcma.jobs.files import replace
from rjcma.manifest import Clip
from rjcma.problem import Problem

Target = Literal["valence", "arousal"]
TARGETS: tuple[Target, ...] = get_args(Target)
"""In the order of the labels' columns."""


def write(folder: Path, labels: Mapping[str, Labels]) -> None:
    """Write each clip's labels: unchanged files stay, files of other clips are deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip, values in labels.items():
        content = io.BytesIO()
        np.save(content, values)
        replace(folder / f"{clip}.npy", content.getvalue())
    for path in [*folder.glob("*.npy"), *folder.glob(".*.npy.partial")]:
        if path.name.removesuffix(".npy") not in labels:
            path.unlink()


def read(folder: Path, clip: Clip) -> Labels:
    """The clip's labels, (T, 2). Raises `Problem` if the file is missing or does not fit."""
    path = folder / f"{clip.name}.npy"
    try:
        values = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise _problem(path, clip, "no such file") from None
    except (ValueError, EOFError, OSError) as error:
        raise _problem(path, clip, f"a file that is not a NumPy array ({error})") from None
    if values.shape != (clip.frames, 2) or values.dtype != np.float32:
        raise _problem(path, clip, f"{values.dtype} of shape {values.shape}")
    return values


def _problem(path: Path, clip: Clip, found: str) -> Problem:
    return Problem(
        clip=clip.name,
        file=path,
        found=found,
        expected=f"labels of this clip, float32 of shape {(clip.frames, 2)}",
        cure="delete the file and run `dvc repro`: it is made again",
    )

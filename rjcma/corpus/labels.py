"""Labels on disk: `<clip>.npy`, (T, targets) float32 in [-1, 1], NaN where unlabelled.

The names of the targets, in the order of the columns, and the range of each in the corpus's own
units, are in `targets.json` beside them. Test clips have no file.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rjcma.corpus.settings import VALENCE_AROUSAL
from rjcma.jobs.files import read_json, replace
from rjcma.manifest import Clip
from rjcma.problem import Problem

Labels = NDArray[np.float32]
"""(T, targets) in [-1, 1]; NaN where a target is unlabelled."""

Ranges = Mapping[str, tuple[float, float]]
"""By target, in the order of the columns: the values of the corpus that are -1 and 1 here."""

TARGETS = "targets.json"


def write(folder: Path, labels: Mapping[str, Labels], ranges: Ranges = VALENCE_AROUSAL) -> None:
    """Write each clip's labels: unchanged files stay, files of other clips are deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / TARGETS, (json.dumps(dict(ranges)) + "\n").encode())
    for clip, values in labels.items():
        content = io.BytesIO()
        np.save(content, values)
        replace(folder / f"{clip}.npy", content.getvalue())
    for path in [*folder.glob("*.npy"), *folder.glob(".*.npy.partial")]:
        if path.name.removesuffix(".npy") not in labels:
            path.unlink()


def ranges(folder: Path) -> Ranges:
    """The targets of these labels and their ranges. Raises `Problem` if that is not known."""
    path = folder / TARGETS
    return _ranges(path, path.stat().st_mtime_ns if path.is_file() else 0)


@functools.lru_cache(maxsize=16)
def _ranges(path: Path, modified_ns: int) -> Ranges:
    expected, cure = "each target's name and range", "run `dvc repro index`, which writes it"
    if not modified_ns:
        raise Problem(file=path, found="no such file", expected=expected, cure=cure)
    content = read_json(path, expected=expected, cure=cure)
    try:
        return {str(name): (float(low), float(high)) for name, (low, high) in content.items()}
    except (TypeError, ValueError, AttributeError):
        raise Problem(file=path, found=str(content), expected=expected, cure=cure) from None


def read(folder: Path, clip: Clip) -> Labels:
    """The clip's labels, (T, targets). Raises `Problem` if the file is missing or does not fit."""
    path, shape = folder / f"{clip.name}.npy", (clip.frames, len(ranges(folder)))
    try:
        values = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise _problem(path, clip, shape, "no such file") from None
    except (ValueError, EOFError, OSError) as error:
        raise _problem(path, clip, shape, f"a file that is not a NumPy array ({error})") from None
    if values.shape != shape or values.dtype != np.float32:
        raise _problem(path, clip, shape, f"{values.dtype} of shape {values.shape}")
    return values


def of_target(folder: Path, clip: Clip, target: str) -> Labels:
    """The clip's labels of one target, (T,); all NaN for a test clip. Raises `Problem` as `read`.

    It also raises `Problem` for a target that the corpus does not have.
    """
    targets = list(ranges(folder))
    if target not in targets:
        raise Problem(
            file=folder / TARGETS,
            found=f"the targets {', '.join(targets)}",
            expected=f"the target {target} too",
            cure="correct runs.targets, or add the target to corpus.targets",
        )
    if clip.partition == "test":
        return np.full(clip.frames, np.nan, np.float32)
    return read(folder, clip)[:, targets.index(target)]


def in_own_units(values: NDArray[Any], scale: tuple[float, float]) -> NDArray[Any]:
    """Values in [-1, 1], in the units of the corpus.

    >>> in_own_units(np.array([-1.0, 0.0, 1.0]), (0, 100)).tolist()
    [0.0, 50.0, 100.0]
    """
    low, high = scale
    return values if (low, high) == (-1, 1) else (values + 1) / 2 * (high - low) + low


def _problem(path: Path, clip: Clip, shape: tuple[int, int], found: str) -> Problem:
    return Problem(
        clip=clip.name,
        file=path,
        found=found,
        expected=f"labels of this clip, float32 of shape {shape}",
        cure="delete the file and run `dvc repro index`: it is made again",
    )

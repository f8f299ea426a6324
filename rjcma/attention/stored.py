"""The fusion's attention on disk: `<clip>.h5`, a group for each target, in their order.

    matrices  (W, L, M, n, n) uint8   C_m of W windows, L recursions and M modalities (`as_bytes`)
    windows   (W, 2) int32            each window's first frame, and the one past its last

Rows are frames of a modality, columns those of the joint representation. A matrix of K frames is
stored at a size of at most `CELLS` cells: a cell is the mean of `step` times `step` frames. A
window shorter than the others has zeros beyond its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from rjcma.problem import Problem
from rjcma.store import AGAIN

Array = NDArray[Any]

CELLS = 100
"""Cells along a matrix, at most (ours): a picture on a page has no more pixels than twice that."""
ZERO, UNIT = 128, 127
"""The byte of 0, and how many steps make 1."""


class Attention(NamedTuple):
    """The attention of one target's network for a clip."""

    target: str
    fold: int
    trained: bool
    """Whether the network was trained on the clip."""
    fusion: str
    """The kind of fusion; only `rjcma` has such matrices, with or without gates."""
    modalities: tuple[str, ...]
    step: int
    """Frames along the side of a cell."""
    all_windows: int
    """The number of windows that the clip has."""
    windows: Array
    """(W, 2): the frames of each window that is kept."""
    matrices: Array
    """(W, L, M, n, n) uint8."""


def as_bytes(values: Array) -> NDArray[np.uint8]:
    """Values from -1 to 1 as bytes, rounded to 1 / `UNIT`.

    >>> as_bytes(np.array([-1.0, 0.0, 1.0])).tolist()
    [1, 128, 255]
    """
    return (np.rint(np.clip(values, -1, 1) * UNIT) + ZERO).astype(np.uint8)


def from_bytes(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The values of bytes that `as_bytes` gave."""
    return np.asarray((values.astype(np.float32) - ZERO) / UNIT, np.float32)


def reduced(matrix: Array, step: int) -> Array:
    """The means of cells of `step` times `step`, of (..., K, K); the last ones may be smaller.

    >>> reduced(np.arange(9.0).reshape(3, 3), 2).tolist()
    [[2.0, 3.5], [6.5, 8.0]]
    """
    frames = matrix.shape[-1]
    starts = np.arange(0, frames, step)
    counts = np.diff(np.append(starts, frames))
    sums = np.add.reduceat(np.add.reduceat(matrix, starts, axis=-1), starts, axis=-2)
    return np.asarray(sums / np.outer(counts, counts))


def write(path: Path, kept: Sequence[Attention]) -> None:
    """Write the attention of a clip; the same content gives the same bytes."""
    with h5py.File(path, "w") as file:
        for number, each in enumerate(kept):
            group = file.create_group(str(number))
            group.attrs["target"] = each.target
            group.create_dataset("windows", data=np.asarray(each.windows, np.int32))
            # Compressed: half the size, and it is read once.
            group.create_dataset("matrices", data=each.matrices, compression="gzip")
            group.attrs["modalities"] = list(each.modalities)
            for name in ("fold", "trained", "fusion", "step", "all_windows"):
                group.attrs[name] = getattr(each, name)


def read(path: Path) -> list[Attention]:
    """The attention of a clip, by target. Raises `Problem` for a file that is damaged."""
    try:
        with h5py.File(path, "r") as file:
            return [_read(file[str(number)]) for number in range(len(file))]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Problem(
            clip=path.stem,
            file=path,
            found=f"no attention that can be read ({error})",
            expected="the matrices that stage attend writes",
            cure=AGAIN,
        ) from None


def _read(group: h5py.Group) -> Attention:
    stored = group.attrs
    return Attention(
        str(stored["target"]),
        int(stored["fold"]),
        bool(stored["trained"]),
        str(stored["fusion"]),
        tuple(map(str, stored["modalities"])),
        int(stored["step"]),
        int(stored["all_windows"]),
        group["windows"][...],
        group["matrices"][...],
    )

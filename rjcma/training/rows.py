"""The rows that windows need, read from the store once, however many windows share them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rjcma.store import FeatureReader
from rjcma.training.windows import Window

Extent = tuple[int, int]
"""Rows of a feature: the first, and the one behind the last."""


class _Stretch(NamedTuple):
    """Consecutive rows of a clip's feature, and where they lie among a batch's rows."""

    reader: FeatureReader
    first: int
    last: int
    at: int


def read(readers: Sequence[FeatureReader], windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
    """Rows of all windows, (R, ...), and the first row of each frame's value among them, (N,).

    A window for each reader. The index is -1 where a value is zeros. Raises `Problem` for a file
    that cannot be read.
    """
    extents = [reader.extent(*window) for reader, window in zip(readers, windows, strict=True)]
    stretches = _stretches(readers, extents)
    wanted = zip(readers, windows, extents, strict=True)
    places = np.concatenate([_places(*each, stretches) for each in wanted])
    total = sum(stretch.last - stretch.first for stretch in stretches)
    some = readers[0].rows
    rows = np.empty((total, *some.shape[1:]), some.dtype)
    for reader, first, last, at in stretches:
        rows[at : at + last - first] = reader.rows[first:last]
    return torch.from_numpy(rows), torch.from_numpy(places)


def _stretches(readers: Sequence[FeatureReader], extents: Sequence[Extent]) -> list[_Stretch]:
    """The rows of all extents without repetition, readers in order of their first appearance."""
    needed: dict[FeatureReader, list[Extent]] = {reader: [] for reader in readers}
    for reader, extent in zip(readers, extents, strict=True):
        needed[reader].append(extent)
    stretches, at = list[_Stretch](), 0
    for reader, some in needed.items():
        for first, last in _merged(some):
            stretches.append(_Stretch(reader, first, last, at))
            at += last - first
    return stretches


def _merged(extents: Iterable[Extent]) -> list[Extent]:
    """Extents without their overlaps, in order.

    >>> _merged([(7, 9), (0, 3), (2, 5)])
    [(0, 5), (7, 9)]
    """
    merged: list[Extent] = []
    for first, last in sorted(extents):
        if merged and first <= merged[-1][1]:
            first, before = merged.pop()
            last = max(before, last)
        merged.append((first, last))
    return merged


def _places(
    reader: FeatureReader, window: Window, extent: Extent, stretches: Sequence[_Stretch]
) -> NDArray[np.int64]:
    """First rows of the window's values among the batch's, (frames,); -1 where a value is zeros."""
    index = reader.index[slice(*window)].astype(np.int64)
    moved = next(
        stretch.at - stretch.first
        for stretch in stretches
        if stretch.reader is reader and stretch.first <= extent[0] and extent[1] <= stretch.last
    )
    return np.where(index >= 0, index + moved, -1)

"""Reads the rows that windows need from the store; rows shared by several windows only once."""

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
"""A range of a feature's rows: first row, and last row plus one."""


class _Segment(NamedTuple):
    """Consecutive rows `start` to `stop` of a clip's feature, at `offset` in the batch's rows."""

    reader: FeatureReader
    start: int
    stop: int
    offset: int


def read(readers: Sequence[FeatureReader], windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
    """Rows of all windows, (R, ...), and the index of each frame's first row in them, (N,).

    There is one window for each reader. The index is -1 where a value is zeros; it
    may have columns (N, C), all of which are of rows. Raises `Problem`
    for a file that cannot be read.
    """
    extents = [reader.extent(*window) for reader, window in zip(readers, windows, strict=True)]
    segments = _segments(readers, extents)
    requests = zip(readers, windows, extents, strict=True)
    index = np.concatenate([_index(*request, segments) for request in requests])
    total = sum(segment.stop - segment.start for segment in segments)
    stored = readers[0].rows
    rows = np.empty((total, *stored.shape[1:]), stored.dtype)
    for reader, start, stop, offset in segments:
        rows[offset : offset + stop - start] = reader.rows[start:stop]
    return torch.from_numpy(rows), torch.from_numpy(index)


def _segments(readers: Sequence[FeatureReader], extents: Sequence[Extent]) -> list[_Segment]:
    """The rows of all extents without repetition; readers are in order of first appearance."""
    needed: dict[FeatureReader, list[Extent]] = {reader: [] for reader in readers}
    for reader, extent in zip(readers, extents, strict=True):
        needed[reader].append(extent)
    segments, offset = list[_Segment](), 0
    for reader, of_reader in needed.items():
        for start, stop in _merged(of_reader):
            segments.append(_Segment(reader, start, stop, offset))
            offset += stop - start
    return segments


def _merged(extents: Iterable[Extent]) -> list[Extent]:
    """Extents in order; those that overlap or touch are merged.

    >>> _merged([(7, 9), (0, 3), (2, 5)])
    [(0, 5), (7, 9)]
    """
    merged: list[Extent] = []
    for start, stop in sorted(extents):
        if merged and start <= merged[-1][1]:
            start, previous_stop = merged.pop()
            stop = max(previous_stop, stop)
        merged.append((start, stop))
    return merged


def _index(
    reader: FeatureReader, window: Window, extent: Extent, segments: Sequence[_Segment]
) -> NDArray[np.int64]:
    """The window's index into the batch's rows, (frames,); -1 where a value is zeros."""
    index = reader.index[slice(*window)]
    shift = next(
        segment.offset - segment.start
        for segment in segments
        if segment.reader is reader and segment.start <= extent[0] and extent[1] <= segment.stop
    )
    wide = index.astype(np.promote_types(index.dtype, np.int64))
    return np.where(wide >= 0, wide + shift, -1)

"""Features on disk: one HDF5 file a clip, rows and, where a frame is not simply its row, an index.

    rows   (N, ...)   what was computed, each piece once
    index  (T,) int32 the first row of each frame's value, -1 where the value is zeros

The value of frame k is `rows[index[k] : index[k] + span]`. Overlapping windows (log-mel, span 96)
and repeated vectors (one word over many frames) are so stored once. Files of the same content are
the same bytes: h5py's defaults, no time stamps, no paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from rjcma.problem import Problem

Array = NDArray[Any]


def write(path: Path, rows: Array, index: Array | None = None) -> None:
    """Write a clip's feature. `rows` is (N, ...); `index`, if any, (T,)."""
    with create(path, rows.shape, rows.dtype, index) as dataset:
        dataset[...] = rows


@contextmanager
def create(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, index: Array | None = None
) -> Iterator[h5py.Dataset]:
    """The dataset `rows` of a new file, to be filled piece by piece."""
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("rows", shape, dtype)
        if index is not None:
            file.create_dataset("index", data=np.asarray(index, np.int32))
        yield dataset


class Track:
    """One feature of one clip, read by frames. Opened at the first reading, once per process.

    `frames` is the clip's T and `span` the number of rows that make one frame's value; with span
    1 a value is a row, else it is (span, ...). Raises `Problem`, with clip and file, when the file
    is missing, is not a store file, or disagrees with the clip.
    """

    def __init__(self, path: Path, *, clip: str, frames: int, span: int = 1) -> None:
        self.path, self.clip, self.frames, self.span = Path(path), clip, frames, span
        self._file: h5py.File | None = None
        self._index: Array | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_index": None}

    @property
    def rows(self) -> h5py.Dataset:
        """All rows, (N, ...), still on disk."""
        return self._open()["rows"]

    @property
    def index(self) -> Array:
        """The first row of each frame's value, (T,) int32; -1 where the value is zeros."""
        self._open()
        assert self._index is not None
        return self._index

    @property
    def value_shape(self) -> tuple[int, ...]:
        """The shape of one frame's value."""
        shape = tuple(self.rows.shape[1:])
        return shape if self.span == 1 else (self.span, *shape)

    def read(self, start: int, stop: int) -> Array:
        """The values of frames `start` to `stop`, (stop - start, ...), zeros where none."""
        return gather(*self.ranged(start, stop), span=self.span)

    def take(self, frames: Array) -> Array:
        """The values of any frames, in any order, (len(frames), ...)."""
        frames = np.asarray(frames)
        if not frames.size:
            return np.zeros((0, *self.value_shape), self.rows.dtype)
        first = int(frames.min())
        rows, index = self.ranged(first, int(frames.max()) + 1)
        return gather(rows, index[frames - first], span=self.span)

    def ranged(self, start: int, stop: int) -> tuple[Array, Array]:
        """Rows that frames `start` to `stop` need, each once, and their index into these rows.

        This is what training sends to a device, to gather the values there.
        """
        if not 0 <= start <= stop <= self.frames:
            raise IndexError(f"frames {start}:{stop} of {self.frames} in {self.path}")
        index = self.index[start:stop]
        placed = index[index >= 0]
        if not placed.size:
            return np.zeros((0, *self.rows.shape[1:]), self.rows.dtype), index.copy()
        first, last = int(placed.min()), int(placed.max()) + self.span
        return self.rows[first:last], np.where(index >= 0, index - first, -1).astype(np.int32)

    def close(self) -> None:
        """Let go of the file; a later reading opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = self._index = None

    def _open(self) -> h5py.File:
        if self._file is None:
            try:
                file = h5py.File(self.path, "r")
                self._index = self._checked(file)
            except FileNotFoundError:
                raise self._problem("no such file", "a feature of this clip") from None
            except OSError as error:
                reason = str(error).split("(")[-1].rstrip(")")
                raise self._problem(f"unreadable HDF5 ({reason})", "a whole store file") from None
            self._file = file
        return self._file

    def _checked(self, file: h5py.File) -> Array:
        """The file's index; `Problem` where rows, index and the clip's T disagree."""
        if "rows" not in file:
            raise self._problem(f"the datasets {sorted(file)}", "a dataset called rows")
        count = len(file["rows"])
        index = file["index"][...] if "index" in file else np.arange(count, dtype=np.int32)
        if index.shape != (self.frames,):
            raise self._problem(f"{len(index)} frames", f"the clip's {self.frames}")
        if index.size and not -1 <= index.min() <= index.max() <= count - self.span:
            found = f"an index from {index.min()} to {index.max()} into {count} rows"
            raise self._problem(found, f"from -1 to {count - self.span}")
        return index

    def _problem(self, found: str, expected: str) -> Problem:
        return Problem(
            clip=self.clip,
            file=self.path,
            found=found,
            expected=expected,
            cure="delete the file and run `dvc repro`: it is made again",
        )


def gather(rows: Array, index: Array, *, span: int = 1) -> Array:
    """Values from rows and index: (len(index), ...) or, with a span, (len(index), span, ...).

    >>> gather(np.array([[1.0], [2.0]]), np.array([1, -1, 0])).ravel().tolist()
    [2.0, 0.0, 1.0]
    """
    shape = rows.shape[1:] if span == 1 else (span, *rows.shape[1:])
    values = np.zeros((len(index), *shape), rows.dtype)
    some = index >= 0
    at = index[some].astype(np.int64)
    values[some] = rows[at] if span == 1 else rows[at[:, None] + np.arange(span)]
    return values

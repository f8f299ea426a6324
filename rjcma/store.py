"""Features on disk: one HDF5 file a clip, rows and, where a frame is not simply its row, an index.

    rows   (N, ...)   what was computed, each piece once
    index  (T,) int32 the first row of each frame's value, -1 where the value is zeros

The value of frame k is `rows[index[k] : index[k] + span]`. Overlapping windows (log-mel, span 96)
and repeated vectors (one word over many frames) are so stored once. Files of the same content are
the same bytes: h5py's defaults, no time stamps, no paths.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from rjcma.problem import Problem

Array = NDArray[Any]

AGAIN = "delete the file and run `dvc repro`: it is made again"

OPEN_FILES = 128
"""Readers whose file is open at a time, at most, in one process (ours). A large corpus has more
files than a process may open, often 1,024, and to open one again takes 0.1 ms or less."""


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


def refer(target: Path, digest: str, path: Path) -> None:
    """Write a store file whose rows and index are those of another, which has that digest.

    It holds the way from its folder to the other file, which may be moved together, and the digest,
    so that its own content changes with the other's. Raises `Problem` for a file that is missing
    or is no store file.
    """
    way = os.path.relpath(target, path.parent)
    names, found = [], ""
    try:
        with h5py.File(target, "r") as file:
            names = [name for name in ("rows", "index") if name in file]
            found = "" if "rows" in names else f"the datasets {sorted(file)}"
    except FileNotFoundError:
        found = "no such file"
    except OSError as error:
        found = f"unreadable HDF5 ({_reason(error)})"
    if found:
        clip = target.name.removesuffix(".h5")
        raise Problem(
            clip=clip, file=target, found=found, expected="a whole store file", cure=AGAIN
        )
    with h5py.File(path, "w") as file:
        file.attrs["digest"] = digest
        for name in names:
            file[name] = h5py.ExternalLink(way, f"/{name}")


class FeatureReader:
    """One feature of one clip, read by frames; by several threads too. Opened when first read.

    `frames` is the clip's T and `span` the number of rows that make one frame's value; with span
    1 a value is a row, else it is (span, ...). Raises `Problem`, with clip and file, when the file
    is missing, is not a store file, or disagrees with the clip.

    The file is closed when `OPEN_FILES` others were read since, and opened again when needed.
    """

    def __init__(self, path: Path, *, clip: str, frames: int, span: int = 1) -> None:
        self.path, self.clip, self.frames, self.span = Path(path), clip, frames, span
        self._rows: h5py.Dataset | None = None
        self._index: Array | None = None
        self._stamp: tuple[int, int, int] | None = None  # of the file that the index is from

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rows": None, "_index": None}

    @property
    def rows(self) -> h5py.Dataset:
        """All rows, (N, ...), still on disk; who holds them keeps the file open."""
        rows = self._rows
        if rows is None:
            rows, _ = self._opened()
        _just_read(self)
        return rows

    @property
    def index(self) -> Array:
        """The first row of each frame's value, (T,) int32; -1 where the value is zeros."""
        index = self._index
        if index is None:
            _, index = self._opened()
            _just_read(self)
        return index

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

    def extent(self, start: int, stop: int) -> tuple[int, int]:
        """The rows, first and behind the last, that frames `start` to `stop` need; (0, 0) if none.

        Raises `IndexError` for frames that the clip does not have.
        """
        if not 0 <= start <= stop <= self.frames:
            raise IndexError(f"frames {start}:{stop} of {self.frames} in {self.path}")
        index = self.index[start:stop]
        placed = index[index >= 0]
        return (int(placed.min()), int(placed.max()) + self.span) if placed.size else (0, 0)

    def ranged(self, start: int, stop: int) -> tuple[Array, Array]:
        """The rows that frames `start` to `stop` need, once each, and their index into these rows.

        This is what travels to a device, to gather the values there.
        """
        first, last = self.extent(start, stop)
        index = self.index[start:stop]
        return self.rows[first:last], np.where(index >= 0, index - first, -1).astype(np.int32)

    def close(self) -> None:
        """Let go of the file; a later reading opens it again."""
        self._rows = self._index = None

    def _opened(self) -> tuple[h5py.Dataset, Array]:
        """Rows and index of the file, opened anew; looked at if it is not the one known already."""
        try:
            about = self.path.stat()
            stamp = about.st_ino, about.st_size, about.st_mtime_ns
            file = h5py.h5f.open(os.fsencode(self.path), h5py.h5f.ACC_RDONLY)  # faster than File
            rows = self._rows_of(file)
            index = self._index
            if index is None or stamp != self._stamp:
                index = self._checked(h5py.File(file), len(rows))
        except FileNotFoundError:
            raise self._problem("no such file", "a feature of this clip") from None
        except OSError as error:
            raise self._problem(
                f"unreadable HDF5 ({_reason(error)})", "a whole store file"
            ) from None
        self._rows, self._index, self._stamp = rows, index, stamp
        return rows, index

    def _rows_of(self, file: h5py.h5f.FileID) -> h5py.Dataset:
        """The file's rows, or those that it refers to; `Problem` where there are none."""
        try:
            return h5py.Dataset(h5py.h5d.open(file, b"rows"))
        except KeyError:
            link = h5py.File(file).get("rows", getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found = f"a reference to {link.filename}, which is not there or not whole"
                raise self._problem(found, "the file that it refers to") from None
            found = f"the datasets {sorted(h5py.File(file))}"
            raise self._problem(found, "a dataset called rows") from None

    def _checked(self, file: h5py.File, count: int) -> Array:
        """The file's index; `Problem` where its `count` rows, index and the clip's T disagree."""
        index = file["index"][...] if "index" in file else np.arange(count, dtype=np.int32)
        if index.shape != (self.frames,):
            raise self._problem(f"{len(index)} frames", f"the clip's {self.frames}")
        highest = max(count - self.span, -1)  # where rows are too few for a value there is none
        if index.size and not -1 <= index.min() <= index.max() <= highest:
            found = f"an index from {index.min()} to {index.max()} into {count} rows"
            raise self._problem(found, f"from -1 to {highest}")
        return index

    def _problem(self, found: str, expected: str) -> Problem:
        return Problem(
            clip=self.clip,
            file=self.path,
            found=found,
            expected=expected,
            cure=AGAIN,
        )


def _reason(error: OSError) -> str:
    """What HDF5 says, without what it was doing."""
    return str(error).split("(")[-1].rstrip(")")


_open: WeakKeyDictionary[FeatureReader, None] = (
    WeakKeyDictionary()
)  # in the order of the last readings
_lock = threading.Lock()


def _just_read(reader: FeatureReader) -> None:
    """Put the reader last in line, and close the files of those that were read longest ago.

    A file closes when nobody holds its rows, so a thread that is reading them is not disturbed.
    """
    with _lock:
        _open.pop(reader, None)
        _open[reader] = None
        while len(_open) > OPEN_FILES:
            oldest = next(iter(_open))
            del _open[oldest]
            oldest._rows = None


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

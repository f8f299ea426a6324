"""Features on disk: one HDF5 file per clip, with rows and, unless frame k is row k, an index.

    rows   (N, ...)   the computed values, each stored once
    index  (T,) int32 the first row of each frame's value, -1 where the value is zeros

The value of frame k is `rows[index[k] : index[k] + span]`. So overlapping windows (log-mel, span
96) and repeated vectors (one word over many frames) are stored only once. The same content gives
the same bytes: h5py's defaults, no time stamps, no absolute paths.
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
"""The maximum number of files that readers keep open in one process (ours). A large corpus has more
files than a process may open, often 1,024; opening a file again takes 0.1 ms or less."""


def write(path: Path, rows: Array, index: Array | None = None) -> None:
    """Write a clip's feature. `rows` is (N, ...); `index`, if given, is (T,)."""
    with create(path, rows.shape, rows.dtype, index) as dataset:
        dataset[...] = rows


@contextmanager
def create(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, index: Array | None = None
) -> Iterator[h5py.Dataset]:
    """The dataset `rows` of a new file, to be filled part by part."""
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("rows", shape, dtype)
        if index is not None:
            file.create_dataset("index", data=np.asarray(index, np.int32))
        yield dataset


def refer(target: Path, digest: str, path: Path) -> None:
    """Write a store file whose rows and index are those of the store file `target`, by links.

    It holds the relative path of `target`, so both may be moved together, and the `digest` of the
    content of `target`, so its own content changes when that of `target` changes. Raises `Problem`
    if `target` is missing or is not a store file.
    """
    relative = os.path.relpath(target, path.parent)
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
            clip=clip, file=target, found=found, expected="a complete store file", cure=AGAIN
        )
    with h5py.File(path, "w") as file:
        file.attrs["digest"] = digest
        for name in names:
            file[name] = h5py.ExternalLink(relative, f"/{name}")


class FeatureReader:
    """One feature of one clip, read by frames, also from several threads.

    `frames` is the clip's T and `span` the number of rows that make one frame's value; with span
    1 a value is a row, else it is (span, ...). Raises `Problem`, with clip and file, when the file
    is missing, is not a store file, or does not fit the clip.

    The file is opened at the first read, closed after `OPEN_FILES` others have been read, and
    opened again when needed.
    """

    def __init__(self, path: Path, *, clip: str, frames: int, span: int = 1) -> None:
        self.path, self.clip, self.frames, self.span = Path(path), clip, frames, span
        self._rows: h5py.Dataset | None = None
        self._index: Array | None = None
        self._stamp: tuple[int, int, int] | None = None  # of the file from which the index was read

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rows": None, "_index": None}

    @property
    def rows(self) -> h5py.Dataset:
        """All rows, (N, ...), still on disk; a reference to them keeps the file open."""
        rows = self._rows
        if rows is None:
            rows, _ = self._opened()
        _mark_read(self)
        return rows

    @property
    def index(self) -> Array:
        """The first row of each frame's value, (T,) int32; -1 where the value is zeros."""
        index = self._index
        if index is None:
            _, index = self._opened()
            _mark_read(self)
        return index

    @property
    def value_shape(self) -> tuple[int, ...]:
        """The shape of one frame's value."""
        shape = tuple(self.rows.shape[1:])
        return shape if self.span == 1 else (self.span, *shape)

    def read(self, start: int, stop: int) -> Array:
        """The values of frames `start` to `stop`, (stop - start, ...); zeros if there is none."""
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
        """The range of rows, (first, last + 1), that frames `start` to `stop` need, or (0, 0).

        Raises `IndexError` for frames that the clip does not have.
        """
        if not 0 <= start <= stop <= self.frames:
            raise IndexError(f"frames {start}:{stop} of {self.frames} in {self.path}")
        index = self.index[start:stop]
        present = index[index >= 0]
        return (int(present.min()), int(present.max()) + self.span) if present.size else (0, 0)

    def ranged(self, start: int, stop: int) -> tuple[Array, Array]:
        """The rows that frames `start` to `stop` need, each once, and the frames' index into them.

        These are copied to a device, and the values are gathered there (`rjcma.gather`).
        """
        first, last = self.extent(start, stop)
        index = self.index[start:stop]
        return self.rows[first:last], np.where(index >= 0, index - first, -1).astype(np.int32)

    def close(self) -> None:
        """Close the file; a later read opens it again."""
        self._rows = self._index = None

    def _opened(self) -> tuple[h5py.Dataset, Array]:
        """Open the file; -> rows and index. The index is read again only if the file changed."""
        try:
            stat = self.path.stat()
            stamp = stat.st_ino, stat.st_size, stat.st_mtime_ns
            file = h5py.h5f.open(os.fsencode(self.path), h5py.h5f.ACC_RDONLY)  # faster than File
            rows = self._rows_of(file)
            index = self._index
            if index is None or stamp != self._stamp:
                index = self._checked(h5py.File(file), len(rows))
        except FileNotFoundError:
            raise self._problem("no such file", "a feature of this clip") from None
        except OSError as error:
            raise self._problem(
                f"unreadable HDF5 ({_reason(error)})", "a complete store file"
            ) from None
        self._rows, self._index, self._stamp = rows, index, stamp
        return rows, index

    def _rows_of(self, file: h5py.h5f.FileID) -> h5py.Dataset:
        """The file's rows, or those that it refers to; `Problem` if there are none."""
        try:
            return h5py.Dataset(h5py.h5d.open(file, b"rows"))
        except KeyError:
            link = h5py.File(file).get("rows", getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found = f"a reference to {link.filename}, which is missing or damaged"
                raise self._problem(found, "the file that it refers to") from None
            found = f"the datasets {sorted(h5py.File(file))}"
            raise self._problem(found, "a dataset called rows") from None

    def _checked(self, file: h5py.File, count: int) -> Array:
        """The file's index; `Problem` if its `count` rows, its index and the clip's T disagree."""
        index = file["index"][...] if "index" in file else np.arange(count, dtype=np.int32)
        if index.shape != (self.frames,):
            raise self._problem(f"{len(index)} frames", f"the clip's {self.frames}")
        highest = max(count - self.span, -1)  # -1 if the rows are too few for one value
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
    """The reason in HDF5's message."""
    return str(error).split("(")[-1].rstrip(")")


_open: WeakKeyDictionary[FeatureReader, None] = WeakKeyDictionary()  # the least recently read first
_lock = threading.Lock()


def _mark_read(reader: FeatureReader) -> None:
    """Mark the reader as the most recently read, and close the files read longest ago.

    A file closes when nothing references its rows, so a thread that is reading them can go on.
    """
    with _lock:
        _open.pop(reader, None)
        _open[reader] = None
        while len(_open) > OPEN_FILES:
            oldest = next(iter(_open))
            del _open[oldest]
            oldest._rows = None


def gather(rows: Array, index: Array, *, span: int = 1) -> Array:
    """Frames' values from rows and index: (len(index), ...) or, with a span above 1,
    (len(index), span, ...).

    >>> gather(np.array([[1.0], [2.0]]), np.array([1, -1, 0])).ravel().tolist()
    [2.0, 0.0, 1.0]
    """
    shape = rows.shape[1:] if span == 1 else (span, *rows.shape[1:])
    values = np.zeros((len(index), *shape), rows.dtype)
    present = index >= 0
    first = index[present].astype(np.int64)
    values[present] = rows[first] if span == 1 else rows[first[:, None] + np.arange(span)]
    return values

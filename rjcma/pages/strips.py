"""The pictures of a clip's page: sheets of its faces, and its log-mel spectrogram in tiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rjcma.audio.windows import ROWS_PER_SECOND
from rjcma.store import FeatureReader
from rjcma.timeline import Seconds

Array = NDArray[Any]

FACES_HZ = 4
"""Faces that are kept of a second (ours)."""
MOST_FACES = 3000
"""Faces that are kept of a clip (ours): of clips longer than 12.5 minutes, fewer a second."""
COLUMNS, ROWS = 20, 15
"""Faces beside and below one another in a sheet."""
MOST_COLUMNS = 2**16
"""Columns of a clip's spectrogram (ours): of clips longer than 11 minutes, some rows are merged."""
TILE = 4096
"""Columns in one picture."""
SILENCE = math.log(0.01)
"""The log-mel value of no sound (`rjcma.audio.logmel`, which would import torch)."""
QUALITY = 80
"""Of JPEG, 0 to 100 (ours): a face takes about 1 kB."""


class Sheets(NamedTuple):
    """Faces in pictures of `COLUMNS` times `ROWS`."""

    kept: Array
    """The frames whose faces are kept, (n,), rising: the n-th is the n-th in the sheets."""
    pictures: list[bytes]
    """JPEG."""
    side: int
    """Pixels of a face."""
    missing: list[tuple[int, int]]
    """Frames without a face, as stretches from the first to the one after the last."""


class Tile(NamedTuple):
    """A part of the spectrogram."""

    picture: bytes
    """JPEG, low tones below."""
    start: Seconds
    stop: Seconds


def faces(reader: FeatureReader, fps: float) -> Sheets:
    """The faces of every few frames, those with a face; and where there is none.

    Raises `Problem` if the file is missing or damaged.
    """
    there = reader.index >= 0
    step = max(round(fps / FACES_HZ), math.ceil(reader.frames / MOST_FACES), 1)
    kept = np.flatnonzero(there)
    # The first face of every `step` frames, so that a short appearance is kept too.
    kept = kept[np.unique(kept // step, return_index=True)[1]] if kept.size else kept
    size = COLUMNS * ROWS
    parts = [kept[start : start + size] for start in range(0, len(kept), size)]
    pictures = [_sheet(reader.take(part)) for part in parts]
    return Sheets(kept, pictures, reader.value_shape[0], stretches(~there))


def stretches(there: Array) -> list[tuple[int, int]]:
    """Where a series of true and false is true: from the first to the one after the last.

    >>> stretches(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(there.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


def sound(reader: FeatureReader, times: Array) -> Iterator[Tile]:
    """The spectrogram from the first frame of the clip to the last, whose `times` are (T,).

    Loudness is drawn from silence to the loudest hundredth. Raises `Problem` as `faces` does.
    """
    first = int(reader.index[0])
    stop = min(int(reader.index[-1]) + reader.span, len(reader.rows))
    merged = math.ceil((stop - first) / MOST_COLUMNS)
    low = SILENCE
    high = max(_loudest(reader, first, stop), low + 1)
    for start in range(first, stop, TILE * merged):
        rows = np.asarray(reader.rows[start : min(start + TILE * merged, stop)], np.float32)
        whole = -(-len(rows) // merged) * merged
        rows = np.pad(rows, ((0, whole - len(rows)), (0, 0)), mode="edge")
        rows = rows.reshape(-1, merged, rows.shape[1]).mean(axis=1)
        levels = np.clip((rows - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
        begins = float(times[0]) + (start - first) / ROWS_PER_SECOND
        yield Tile(_jpeg(levels.T[::-1]), begins, begins + whole / ROWS_PER_SECOND)


def _loudest(reader: FeatureReader, first: int, stop: int) -> float:
    """What a hundredth of the values exceeds, of at most 6,000 rows spread over the clip."""
    rows = reader.rows[first : stop : max((stop - first) // 6000, 1)]
    return float(np.quantile(rows, 0.99)) if rows.size else 0.0


def _sheet(crops: Array) -> bytes:
    """Crops (n, S, S, 3) in a picture: each row is filled before the next."""
    side = crops.shape[1]
    columns = min(COLUMNS, len(crops))
    rows = -(-len(crops) // columns)
    sheet = np.zeros((rows * columns, side, side, 3), np.uint8)
    sheet[: len(crops)] = crops
    picture = sheet.reshape(rows, columns, side, side, 3).swapaxes(1, 2)
    return _jpeg(picture.reshape(rows * side, columns * side, 3)[..., ::-1])


def _jpeg(picture: Array) -> bytes:
    done, content = cv2.imencode(
        ".jpg", np.ascontiguousarray(picture), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    assert done
    return bytes(content)

"""A clip's face crops in one file: a row for each frame with a face, and each frame's row.

Crops are files named by video frame, from `00001.jpg`; a frame whose file is missing has no face.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rjcma import store
from rjcma.crops import by_frame
from rjcma.problem import Problem

BLOCK = 256  # faces held in memory before they are written (ours: 1.8 MB at 48 x 48)

JPEG, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
PNG, PNG_END = b"\x89PNG", b"IEND"

Pixels = NDArray[np.uint8]


def pack(size: int, folder: Path | None, frames: int, clip: str, path: Path) -> None:
    """Write the store file of a clip: its faces (N, size, size, 3) in RGB, and their index (T,).

    `folder` holds the crops; it is None for a clip without crops, which gives no rows. Crops of
    frames beyond `frames` are left out: the clip ends with its annotation. Written in blocks.
    Raises `Problem` for a missing folder, a crop that cannot be read, and a name that is not a
    frame's number.
    """
    cv2.setNumThreads(1)  # Clips are packed in parallel, one process each.
    crops = {} if folder is None else _crops(folder, clip)
    kept = [frame for frame in sorted(crops) if frame < frames]
    index = np.full(frames, -1, np.int32)
    index[kept] = np.arange(len(kept))
    with store.create(path, (len(kept), size, size, 3), np.uint8, index) as dataset:
        for start, block in _blocks(folder or Path(), [crops[n] for n in kept], clip, size):
            dataset[start : start + len(block)] = block


def read(path: Path, clip: str) -> Pixels:
    """A crop as it is stored, (height, width, 3) in RGB.

    Raises `Problem` for a file that is empty, no picture, or cut off. OpenCV would fill the missing
    part of a JPEG with grey and only print a warning.
    """
    data = path.read_bytes()
    if not data:
        raise _broken(path, clip, "an empty file")
    if not _ends(data):
        raise _broken(path, clip, f"a picture cut off after {len(data)} bytes")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise _broken(path, clip, "no picture that can be decoded")
    return np.asarray(picture, np.uint8)


def resized(face: Pixels, size: int) -> Pixels:
    """A face as (size, size, 3), by means over areas if it shrinks, else interpolated linearly."""
    shrinks = min(face.shape[:2]) >= size
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(face, (size, size), interpolation=how), np.uint8)


def _blocks(folder: Path, names: list[str], clip: str, size: int) -> Iterator[tuple[int, Pixels]]:
    for start in range(0, len(names), BLOCK):
        block = names[start : start + BLOCK]
        yield start, np.stack([resized(read(folder / name, clip), size) for name in block])


def _ends(data: bytes) -> bool:
    """Whether a JPEG's last scan, or a PNG, is followed by its end marker."""
    if data.startswith(JPEG):
        return data.rfind(JPEG_END) > data.rfind(JPEG_SCAN)
    return not data.startswith(PNG) or PNG_END in data


def _crops(folder: Path, clip: str) -> dict[int, str]:
    """The names of a clip's crops, by frame."""
    try:
        return by_frame(folder, clip)
    except (FileNotFoundError, NotADirectoryError):
        raise Problem(
            clip=clip,
            file=folder,
            found="no such folder",
            expected="the clip's face crops",
            cure="restore it, or run `dvc repro` to go on without the crops of this clip",
        ) from None


def _broken(path: Path, clip: str, found: str) -> Problem:
    return Problem(
        clip=clip,
        file=path,
        found=found,
        expected="a complete JPEG or PNG",
        cure="restore the file, or delete it: the frame then has no face",
    )

"""Look for the faces of a video once, and cut the crops of the person that is meant.

Found, followed, chosen and cut as stage `faces` does it, by the same functions: the crops are the
same. What differs is that the tracks of all people are kept, and the box of each frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rjcma import store
from rjcma.jobs.progress import watched
from rjcma.manifest import Clip
from rjcma.predict import seen as on_disk
from rjcma.predict.ahead import HELD, follow_ahead, in_order, in_thread
from rjcma.vision.alignment import Floats, crop
from rjcma.vision.faces import BLOCK
from rjcma.vision.finding import Stretch, placed, summary
from rjcma.vision.people import Choice, choose
from rjcma.vision.pictures import Picture, Pixels
from rjcma.vision.settings import Faces

BOXES = "boxes"
"""The dataset, beside the crops, of the person's box in each frame, (T, 4)."""


def look(settings: Faces, video: Path, clip: Clip, threads: int, path: Path) -> None:
    """Find and follow all faces of a video, and write their tracks (`rjcma.predict.seen`)."""
    on_disk.write(path, follow_ahead(_stretch(video, clip), settings, threads))


def cut(size: int, video: Path, clip: Clip, tracks: Path, threads: int, path: Path) -> None:
    """Write the crops of a clip's person as stage `faces` does, and the person's boxes."""
    cv2.setNumThreads(1)
    stretch, seen = _stretch(video, clip), on_disk.read(tracks)
    choice = choose(seen.tracks, clip.person, clip.fps, seen.size[0])
    index, landmarks = placed(choice, stretch)
    with store.create(path, (len(landmarks), size, size, 3), np.uint8, index) as dataset:
        for start, block in _blocks(stretch, size, index, landmarks, threads):
            dataset[start : start + len(block)] = block
        dataset.file[BOXES] = boxes_of(choice, clip.frames)
        dataset.file.attrs["found"] = np.bytes_(json.dumps(summary(choice, seen)))


def boxes_of(choice: Choice, frames: int) -> NDArray[np.float32]:
    """Left, top, width and height of the chosen face in each frame, (T, 4); NaN where none is."""
    boxes = np.full((frames, 4), np.nan, np.float32)
    if choice.person is not None:
        boxes[choice.person.frames] = choice.person.faces[:, :4]
    return boxes


def people(tracks: Path, fps: float) -> int:
    """The number of people that are seen often in a video: those whom `choose` finds by number."""
    seen = on_disk.read(tracks)
    number = 0
    while choose(seen.tracks, number + 1, fps, seen.size[0]).person is not None:
        number += 1
    return number


def found(crops: Path) -> dict[str, Any]:
    """What is noted of a clip's faces in its file of crops."""
    import h5py

    with h5py.File(crops) as file:
        noted: dict[str, Any] = json.loads(file.attrs["found"])
    return noted


def _stretch(video: Path, clip: Clip) -> Stretch:
    return Stretch(video, clip.name, clip.first, clip.frames, clip.fps)


def _blocks(
    stretch: Stretch, size: int, index: store.Array, landmarks: Floats, threads: int
) -> Iterator[tuple[int, Pixels]]:
    """Each block of crops, with the number of its first row; decoded up to the last face."""
    if not len(landmarks):
        return

    def crop_of(picture: Picture, row: int) -> Pixels:
        return crop(picture.pixels(), landmarks[row], size)

    last = int(np.flatnonzero(index >= 0)[-1]) + 1
    pictures = in_thread(islice(stretch.pictures(), last), HELD)
    shown = watched(f"{stretch.path.name}: crops", last, "frame", pictures)
    faces = ((picture, row) for picture, row in zip(shown, index.tolist()) if row >= 0)
    crops = in_order(crop_of, faces, threads)
    done = 0
    while block := list(islice(crops, BLOCK)):
        yield done, np.stack(block)
        done += len(block)

"""Look for the faces of a video once, and cut the crops of the person that is meant.

Found, followed, chosen and cut as stage `faces` does it, by the same functions: the crops are the
same. What differs is that the tracks of all people are kept, and the box of each frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rjcma import store
from rjcma.manifest import Clip
from rjcma.predict import seen as on_disk
from rjcma.vision.alignment import Floats, crop
from rjcma.vision.faces import BLOCK
from rjcma.vision.finding import Stretch, follow, opened, placed, summary
from rjcma.vision.people import Choice, choose
from rjcma.vision.pictures import Pixels
from rjcma.vision.settings import Faces

BOXES = "boxes"
"""The dataset, beside the crops, of the person's box in each frame, (T, 4)."""


def look(settings: Faces, video: Path, clip: Clip, path: Path) -> None:
    """Find and follow all faces of a video, and write their tracks (`rjcma.predict.seen`)."""
    on_disk.write(path, follow(_stretch(video, clip), settings, opened(settings)))


def cut(size: int, video: Path, clip: Clip, tracks: Path, path: Path) -> None:
    """Write the crops of a clip's person as stage `faces` does, and the person's boxes."""
    stretch, seen = _stretch(video, clip), on_disk.read(tracks)
    choice = choose(seen.tracks, clip.person, clip.fps, seen.size[0])
    index, landmarks = placed(choice, stretch)
    with store.create(path, (len(landmarks), size, size, 3), np.uint8, index) as dataset:
        for start, block in _blocks(stretch, size, index, landmarks):
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
    """The number of people that are seen often in a video, as the index counts them from the left.

    Those whom `choose` finds by their numbers.
    """
    seen = on_disk.read(tracks)
    number = 0
    while choose(seen.tracks, number + 1, fps, seen.size[0]).person is not None:
        number += 1
    return number


def _stretch(video: Path, clip: Clip) -> Stretch:
    return Stretch(video, clip.name, clip.first, clip.frames, clip.fps)


def _blocks(
    stretch: Stretch, size: int, index: store.Array, landmarks: Floats
) -> Iterator[tuple[int, Pixels]]:
    """Each block of crops, with the number of its first row."""
    block: list[Pixels] = []
    done = 0
    for row, picture in zip(index, stretch.pictures()):
        if row >= 0:
            block.append(crop(picture.pixels(), landmarks[row], size))
        if len(block) == BLOCK:
            yield done, np.stack(block)
            done, block = done + len(block), []
        if done + len(block) == len(landmarks):
            break
    if block:
        yield done, np.stack(block)

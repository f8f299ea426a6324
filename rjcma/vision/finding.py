"""Find the face of a clip's person in its video, and write its crops.

The video is decoded twice. First the faces are found and followed: only numbers are kept of them.
Then the crops of the chosen person are cut, and written in blocks. So memory does not grow with the
length of a video.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from rjcma import store
from rjcma.manifest import Clip
from rjcma.vision.alignment import Floats, crop
from rjcma.vision.faces import BLOCK
from rjcma.vision.looks import look_of
from rjcma.vision.people import Choice, choose
from rjcma.vision.pictures import Picture, Pixels, pictures, rate
from rjcma.vision.settings import Faces as Settings
from rjcma.vision.tracks import Cuts, Detect, Faces, Track, Tracker

SMOOTHING = 0.03  # seconds: the deviation of the Gaussian over landmarks (ours)


MOST = 10**9
"""More frames than any video has."""


class Stretch(NamedTuple):
    """The frames of a video that are a clip."""

    path: Path
    clip: str
    first: int
    frames: int
    fps: float

    def pictures(self) -> Iterator[Picture]:
        """Its pictures; fewer if the video ends before."""
        return pictures(self.path, self.clip, self.first, self.frames)


class Seen(NamedTuple):
    """What was seen in a clip."""

    tracks: list[Track]
    frames: int
    """The number of frames that the video has for the clip."""
    size: tuple[int, int]
    """Width and height of its pictures."""


def find(settings: Settings, video: Path, clip: Clip, path: Path) -> None:
    """Write a clip's store file: its person's faces (N, size, size, 3) in RGB, and their index.

    An attribute of it says who was found (`summary`). Raises `Problem` for a video that cannot be
    read or that ends before the clip begins, and for a model that cannot be used.
    """
    stretch = Stretch(video, clip.name, clip.first, clip.frames, clip.fps)
    seen = follow(stretch, settings, opened(settings))
    choice = choose(seen.tracks, clip.person, clip.fps, seen.size[0])
    index, landmarks = placed(choice, stretch)
    shape = (len(landmarks), settings.size, settings.size, 3)
    with store.create(path, shape, np.uint8, index) as dataset:
        for start, block in _blocks(stretch, settings.size, index, landmarks):
            dataset[start : start + len(block)] = block
        dataset.file.attrs["found"] = np.bytes_(json.dumps(summary(choice, seen)))


def opened(settings: Settings) -> Detect:
    """The detector that the settings name."""
    assert settings.detector is not None
    cv2.setNumThreads(1)  # Clips are looked at in parallel, one process each.
    detector: Detect = pkgutil.resolve_name(settings.detector.implementation)(settings.detector)
    return detector


def follow(stretch: Stretch, settings: Settings, detect: Detect) -> Seen:
    """Find and follow all faces of a clip; -> their tracks, in pixels of the full pictures."""
    assert settings.detector is not None
    longest = settings.detector.pixels
    gap = settings.every - 1 + round(settings.bridge * stretch.fps)
    tracker, cuts = Tracker(gap), Cuts()
    picture: Picture | None = None
    before: tuple[int, Pixels, tuple[int, int]] | None = None  # the last frame, if not looked at
    number, due = -1, 0

    def look(frame: int, pixels: Pixels, size: tuple[int, int]) -> None:
        faces = detect(pixels)
        looks = [look_of(pixels, face[:4], face[4:14].reshape(5, 2)) for face in faces]
        tracker.add(frame, _full(faces, pixels, size), looks)

    for number, picture in enumerate(stretch.pictures()):
        pixels = picture.pixels(longest)
        if cuts.is_cut(pixels):
            if before is not None:
                look(*before)
            tracker.cut()
            due = number
        if number == due:
            look(number, pixels, picture.size)
            due, before = number + settings.every, None
        else:
            before = number, pixels, picture.size
    assert picture is not None
    if before is not None:
        look(*before)
    return Seen(tracker.tracks, number + 1, picture.size)


def placed(choice: Choice, stretch: Stretch) -> tuple[store.Array, Floats]:
    """Each frame's row (T,), -1 for none; each row's landmarks (N, 5, 2), smoothed over time."""
    index = np.full(stretch.frames, -1, np.int32)
    if choice.person is None:
        return index, np.empty((0, 5, 2))
    frames = choice.person.frames
    index[frames] = np.arange(len(frames))
    tracks = [track.every_frame()[:, 4:14] for track in choice.person.tracks]
    smooth = [gaussian_filter1d(t, SMOOTHING * stretch.fps, axis=0, mode="nearest") for t in tracks]
    return index, np.concatenate(smooth).reshape(-1, 5, 2)


def whole(video: Path) -> Stretch:
    """A whole video, as a clip of its name. Raises `Problem` if it cannot be opened."""
    return Stretch(video, video.stem, 0, MOST, rate(video))


def landmarks_by_frame(choice: Choice, stretch: Stretch) -> Floats:
    """The landmarks by which the chosen person's crops are cut, (T, 5, 2), NaN for no face."""
    index, landmarks = placed(choice, stretch)
    by_frame = np.full((stretch.frames, 5, 2), np.nan)
    by_frame[index >= 0] = landmarks
    return by_frame


def summary(choice: Choice, seen: Seen) -> dict[str, object]:
    """What is noted of a clip's faces."""
    return {
        "people": len(choice.people),
        "tracks": len(seen.tracks),
        "chosen": choice.why,
        "frames": 0 if choice.person is None else len(choice.person.frames),
    }


def _full(faces: Faces, pixels: Pixels, size: tuple[int, int]) -> Faces:
    """Faces of a reduced picture, in pixels of the full one of this size."""
    scale = np.array(size) / pixels.shape[1::-1]
    points = (faces[:, 4:14].reshape(-1, 5, 2) + 0.5) * scale - 0.5
    boxes = faces[:, :4] * np.tile(scale, 2)
    return np.concatenate([boxes, points.reshape(-1, 10), faces[:, 14:]], axis=1)


def _blocks(
    stretch: Stretch, size: int, index: store.Array, landmarks: Floats
) -> Iterator[tuple[int, Pixels]]:
    block: list[Pixels] = []
    done = 0
    for number, picture in enumerate(stretch.pictures()):
        if index[number] >= 0:
            block.append(crop(picture.pixels(), landmarks[index[number]], size))
        if len(block) == BLOCK:
            yield done, np.stack(block)
            done, block = done + len(block), []
        if done + len(block) == len(landmarks):
            break
    if block:
        yield done, np.stack(block)

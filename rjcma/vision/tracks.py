"""Follow faces from picture to picture: by overlap and appearance, and never across a cut."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from rjcma.vision.looks import COLOURS, TEXTURES, Look, likeness
from rjcma.vision.pictures import Pixels

VALUES = 15
"""Numbers of a face: x, y, width and height of its box, x and y of five landmarks, its score."""

Faces = NDArray[np.float64]
"""(n, VALUES): the faces of a picture, in its pixels."""

Detect = Callable[[Pixels], Faces]
"""A detector: finds the faces of a picture."""

OVERLAPS, ALIKE, COLOURED = 0.1, 0.6, 0.5
"""The least overlap (IoU), likeness, and likeness of colours of a face with the same one before
(ours)."""

THUMBNAIL = (32, 18)
CUT = 18.0  # of 255: the least mean difference of two thumbnails across a cut (ours)
CUT_FACTOR = 3.0  # and how many times as large as the differences before it (ours)
MEMORY = 0.8  # the weight of what was before in their mean (ours)


@dataclass
class Track:
    """One face over a stretch of frames without a cut."""

    frames: array[int] = field(default_factory=lambda: array("q"))
    """Those in which it was detected."""
    values: array[float] = field(default_factory=lambda: array("d"))
    """VALUES numbers for each."""
    looks: Look = field(default_factory=lambda: np.zeros(COLOURS + TEXTURES))
    """The sum of its looks."""
    scene: int = 0
    """The number of cuts before it."""

    @property
    def faces(self) -> Faces:
        """The detected faces, (n, VALUES)."""
        return np.frombuffer(self.values).reshape(-1, VALUES)

    @property
    def last(self) -> Faces:
        """The latest face, (VALUES,)."""
        return np.array(self.values[-VALUES:])

    @property
    def span(self) -> tuple[int, int]:
        """Its first frame and the one after its last; between, it is interpolated."""
        return self.frames[0], self.frames[-1] + 1

    def every_frame(self) -> Faces:
        """The face in each frame of `span`, (n, VALUES); linear between the detected ones."""
        start, stop = self.span
        faces = self.faces
        return np.stack(
            [np.interp(np.arange(start, stop), self.frames, column) for column in faces.T], axis=1
        )


class Tracker:
    """Divides detected faces into tracks. A face may be missing in up to `gap` frames of a track.

    Only numbers are kept, no pictures.
    """

    def __init__(self, gap: int) -> None:
        self.gap = gap
        self.tracks: list[Track] = []
        self._open: list[Track] = []
        self._scene = 0

    def add(self, frame: int, faces: Faces, looks: list[Look]) -> None:
        """The faces of a later frame, and the look of each."""
        self._open = [t for t in self._open if frame - t.frames[-1] - 1 <= self.gap]
        owners = self._owners(faces, looks)
        for number, (face, look) in enumerate(zip(faces, looks, strict=True)):
            if number not in owners:
                owners[number] = Track(scene=self._scene)
                self.tracks.append(owners[number])
                self._open.append(owners[number])
            track = owners[number]
            track.frames.append(frame)
            track.values.extend(face.tolist())
            track.looks += look

    def cut(self) -> None:
        """The next frame belongs to another scene."""
        self._open = []
        self._scene += 1

    def _owners(self, faces: Faces, looks: list[Look]) -> dict[int, Track]:
        """The track of each face that continues one, by the face's number; the best pairs first."""
        pairs = []
        for number, (face, look) in enumerate(zip(faces, looks, strict=True)):
            for place, track in enumerate(self._open):
                same = overlap(face, track.last)
                alike, colours = likeness(look, track.looks) if same >= OVERLAPS else (0.0, 0.0)
                if alike >= ALIKE and colours >= COLOURED:
                    pairs.append((same + alike, number, place))
        owners: dict[int, Track] = {}
        taken: set[int] = set()
        for _, number, place in sorted(pairs, reverse=True):
            if number not in owners and place not in taken:
                owners[number] = self._open[place]
                taken.add(place)
        return owners


class Cuts:
    """Sees where a scene ends: there a picture differs far more from the last than others did."""

    def __init__(self) -> None:
        self._last: NDArray[np.int16] | None = None
        self._usual = 0.0

    def is_cut(self, picture: Pixels) -> bool:
        """Whether the picture belongs to another scene than the one before."""
        small = cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.int16)
        last, self._last = self._last, small
        if last is None:
            return False
        difference = float(np.abs(small - last).mean())
        cut = difference > max(CUT, CUT_FACTOR * self._usual)
        if not cut:
            self._usual = MEMORY * self._usual + (1 - MEMORY) * difference
        return cut


def overlap(one: Faces, other: Faces) -> float:
    """Intersection over union of two faces' boxes."""
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(one[:2] + one[2:4], other[:2] + other[2:4])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / max(float(np.prod(one[2:4]) + np.prod(other[2:4])) - shared, 1e-9)

"""From tracks to people, and to the one person that a clip is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.manifest import Person
from rjcma.vision.alignment import TEMPLATE, Floats, applied, similarity
from rjcma.vision.tracks import Faces, Track

SAME_LOOK = 0.94
"""The least likeness of two tracks of one person (ours: halves of real clips of one person had at
least 0.96, different people at most 0.93)."""
SAME_PLACE, RATHER_ALIKE = 0.3, 0.8
"""Or, in one scene, the least overlap (IoU) of their boxes, and their least likeness (ours)."""

STILL, STILL_SECONDS = 0.15, 1.0
"""A face that is seen so many seconds, and whose landmarks move less against each other, is a
picture's (ours, of 112 pixels: quiet speakers moved by 0.21 or more, posters by 0.11 or less)."""

RATHER = 0.5  # of its frames: a still face is passed over for one that is seen so often (ours)
OFTEN = 0.1  # of the frames of the one seen most: who is seen less is no person in the scene (ours)


class Somebody(NamedTuple):
    """The tracks of one person, in the order of time; no two share a frame."""

    tracks: Sequence[Track]

    @property
    def frames(self) -> NDArray[np.int64]:
        """The frames in which the person is seen."""
        return np.concatenate([np.arange(*track.span) for track in self.tracks])

    @property
    def faces(self) -> Faces:
        """The person's face in each of `frames`."""
        return np.concatenate([track.every_frame() for track in self.tracks])


class Choice(NamedTuple):
    """Who was found in a clip, and who of them was chosen."""

    people: list[Somebody]
    """All that were found, the one seen most first."""
    person: Somebody | None
    """The one that was chosen."""
    why: str
    """How the choice was made, in words."""


def joined(tracks: Sequence[Track]) -> list[Somebody]:
    """The people of whom these are the tracks, the one seen most first.

    Tracks that share no frame are one person's if they look alike; within a scene also if they are
    at one place and look rather alike. The pair that is most alike is joined first.
    """
    if not tracks:
        return []
    groups, pairs = [[track] for track in tracks], _Pairs(tracks)
    while (pair := pairs.most_alike()) is not None:
        one, other = pair
        groups[one] += groups[other]
        groups[other] = []
        pairs.join(one, other)
    ordered = (sorted(group, key=lambda track: track.span) for group in groups if group)
    return sorted((Somebody(group) for group in ordered), key=_seen, reverse=True)


class _Pairs:
    """How alike n groups of tracks are, pair by pair, (n, n); -1 if they cannot be one person's.

    For each group, its most alike partner is kept, so that joining two takes n steps.
    """

    def __init__(self, tracks: Sequence[Track]) -> None:
        self.looks = np.stack([track.looks for track in tracks])
        self.squares = np.einsum("nd,nd->n", self.looks, self.looks)
        spans = np.array([track.span for track in tracks])
        self.apart = (spans[:, :1] >= spans[:, 1]) | (spans[:, 1:] <= spans[:, 0])
        scenes = np.array([track.scene for track in tracks])
        self.beside = (scenes[:, None] == scenes) & (_overlaps(tracks) >= SAME_PLACE)
        self.alike = np.stack([self._alike(one) for one in range(len(tracks))])
        self.partner = self.alike.argmax(axis=1)

    def most_alike(self) -> tuple[int, int] | None:
        """The most alike pair, the smaller number first; None if no two can be one person's."""
        found = self.alike[np.arange(len(self.partner)), self.partner]
        one = int(np.argmax(found))
        other = int(self.partner[one])
        return (min(one, other), max(one, other)) if found[one] > 0 else None

    def join(self, one: int, other: int) -> None:
        """Make one group of two: the first; the other one is gone."""
        self.looks[one] += self.looks[other]
        self.squares[one] = self.looks[one] @ self.looks[one]
        self.apart[one] &= self.apart[other]
        self.beside[one] |= self.beside[other]
        self.apart[other] = self.apart[:, other] = False
        self.apart[:, one], self.beside[:, one] = self.apart[one], self.beside[one]
        for gone_or_new in (other, one):
            self.alike[gone_or_new] = self._alike(gone_or_new)
            self.alike[:, gone_or_new] = self.alike[gone_or_new]
        lost = np.isin(self.partner, (one, other))
        better = self.alike[one] > self.alike[np.arange(len(lost)), self.partner]
        self.partner[better & ~lost] = one
        lost[[one, other]] = True
        self.partner[lost] = self.alike[lost].argmax(axis=1)

    def _alike(self, one: int) -> Floats:
        """How alike this group is to each, (n,)."""
        alike = self.looks @ self.looks[one] / np.sqrt(self.squares * self.squares[one])
        same = alike >= np.where(self.beside[one], RATHER_ALIKE, SAME_LOOK)
        return np.where(self.apart[one] & same, alike, -1.0)


def _overlaps(tracks: Sequence[Track]) -> Floats:
    """Intersection over union of the median boxes of each two tracks, (n, n)."""
    boxes = np.array([np.median(track.faces[:, :4], axis=0) for track in tracks])
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    sides = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    shared = np.maximum(sides, 0).prod(axis=2)
    areas = boxes[:, 2:].prod(axis=1)
    return np.asarray(shared / np.maximum(areas[:, None] + areas - shared, 1e-9))


def choose(tracks: Sequence[Track], person: Person | None, fps: float, width: int) -> Choice:
    """Choose the person that a clip is about, in a picture of this width.

    None: who is seen in most frames. "left", "right": of the two seen most, whose face is mostly on
    that side while both are seen. A number: the n-th from the left of those seen often. Still
    faces, such as one on a poster, are passed over if one that moves is seen at least half as
    often.
    """
    people = joined(tracks)
    if not people:
        return Choice(people, None, "no face was found")
    still = [_is_still(each, fps) for each in people]
    moving = [each for each, known in zip(people, still) if known is False]
    alive = [each for each, known in zip(people, still) if not known]
    if not moving or _seen(moving[0])[0] < RATHER * _seen(people[0])[0]:
        alive = people
    note = f"; passed over as still: {len(people) - len(alive)}" if len(alive) < len(people) else ""
    often = [each for each in alive if _seen(each)[0] >= OFTEN * _seen(alive[0])[0]]
    if person is None:
        return Choice(people, alive[0], f"who is seen most, of {len(often)}{note}")
    ordered = from_left(often[:2] if isinstance(person, str) else often)
    if len(ordered) == 1 and isinstance(person, str):
        side = "left" if _place(ordered[0]) < width / 2 else "right"
        chosen = ordered[0] if side == person else None
        return Choice(people, chosen, f"one person only, on the {side}{note}")
    number = {"left": 1, "right": len(ordered)}.get(str(person), person)
    found = f"number {number} from the left, of {len(ordered)}{note}"
    chosen = ordered[int(number) - 1] if 1 <= int(number) <= len(ordered) else None
    return Choice(people, chosen, found)


def from_left(people: Sequence[Somebody]) -> list[Somebody]:
    """The people in the order in which they mostly stand while more than one is seen."""
    frames, counts = np.unique(np.concatenate([each.frames for each in people]), return_counts=True)
    common = frames[counts > 1]

    def place(somebody: Somebody) -> float:
        among = np.isin(somebody.frames, common)
        return _place(somebody, among if among.any() else slice(None))

    return sorted(people, key=place)


def _place(somebody: Somebody, among: NDArray[np.bool_] | slice = slice(None)) -> float:
    """The median of the middle of a person's face, from the left."""
    faces = somebody.faces[among]
    return float(np.median(faces[:, 0] + faces[:, 2] / 2))


def _seen(somebody: Somebody) -> tuple[int, float]:
    """By how many frames, and how large, a person is seen."""
    return len(somebody.frames), float(np.median(somebody.faces[:, 2]))


def _is_still(somebody: Somebody, fps: float) -> bool | None:
    """Whether a face is a picture's: its landmarks do not move against each other.

    None if it is seen too briefly to tell, or if its landmarks are at the template's places, as a
    detector puts them that does not find them.
    """
    shapes = aligned(np.concatenate([track.faces for track in somebody.tracks]))
    if len(somebody.frames) < STILL_SECONDS * fps or np.abs(shapes - TEMPLATE).max() < 0.01:
        return None
    return movement(shapes) < STILL


def aligned(faces: Faces) -> Floats:
    """The landmarks of faces (n, VALUES) in their crops of 112 x 112, (n, 5, 2)."""
    points = faces[:, 4:14].reshape(-1, 5, 2)
    return np.stack([applied(similarity(each), each) for each in points])


def movement(shapes: Floats) -> float:
    """How much aligned landmarks (n, 5, 2) move: the deviation from their mean, in pixels."""
    return float(np.sqrt(((shapes - shapes.mean(0)) ** 2).sum(2).mean()))

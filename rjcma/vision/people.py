"""From tracks to people, and to the one person that a clip is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.manifest import Person
from rjcma.vision.alignment import applied, similarity
from rjcma.vision.tracks import Faces, Track, overlap

SAME_LOOK = 0.9
"""The least similarity of two tracks of one person (ours)."""
SAME_PLACE = (0.75, 0.3)
"""Or the least similarity and the least overlap (IoU) of two tracks at one place (ours)."""

STILL = 0.8  # of 112 pixels: a face whose landmarks move less, against each other, is a picture
STILL_SECONDS = 2.0  # if it is seen for so long (ours)
OFTEN = 0.2  # of the frames of the one seen most: who is seen less is no person in the scene (ours)


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

    Tracks that share no frame are one person's if they look alike, or are at one place and look
    rather alike: a cut or a gap is between them. The pair that is most alike is joined first.
    """
    groups = [[track] for track in tracks]
    while True:
        pairs = [
            (alike, one, other)
            for one in range(len(groups))
            for other in range(one)
            if (alike := _alike(groups[one], groups[other]))
        ]
        if not pairs:
            break
        _, one, other = max(pairs)
        groups[other] += groups.pop(one)
    people = [Somebody(sorted(group, key=lambda track: track.span)) for group in groups]
    return sorted(people, key=_seen, reverse=True)


def choose(tracks: Sequence[Track], person: Person | None, fps: float, width: int) -> Choice:
    """Choose the person that a clip is about, in a picture of this width.

    None: who is seen in most frames. "left", "right": of the two seen most, whose face is mostly on
    that side while both are seen. A number: the n-th from the left of those seen often. A face that
    does not move, such as one on a poster, is passed over if there is another.
    """
    people = joined(tracks)
    if not people:
        return Choice(people, None, "no face was found")
    alive = [each for each in people if not _is_still(each, fps)] or people
    note = f"; a still face was passed over in {len(people) - len(alive)} places"
    note = note if len(alive) < len(people) else ""
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


def _is_still(somebody: Somebody, fps: float) -> bool:
    """Whether a face is a picture's: its landmarks do not move against each other."""
    faces = np.concatenate([track.faces for track in somebody.tracks])
    if len(somebody.frames) < STILL_SECONDS * fps:
        return False
    return movement(faces) < STILL


def movement(faces: Faces) -> float:
    """How much landmarks move against each other: the deviation from their mean, of 112 pixels."""
    points = faces[:, 4:14].reshape(-1, 5, 2)
    shapes = np.stack([applied(similarity(each), each) for each in points])
    return float(np.sqrt(((shapes - shapes.mean(0)) ** 2).sum(2).mean()))


def _alike(one: Sequence[Track], other: Sequence[Track]) -> float:
    """How alike two groups of tracks look if they may be one person's, else 0."""
    if any(a.span[0] < b.span[1] and b.span[0] < a.span[1] for a in one for b in other):
        return 0.0
    looks = [sum((t.looks for t in group), np.zeros_like(one[0].looks)) for group in (one, other)]
    alike = float(looks[0] @ looks[1] / np.linalg.norm(looks[0]) / np.linalg.norm(looks[1]))
    boxes = [np.median(np.concatenate([t.faces for t in group]), axis=0) for group in (one, other)]
    at_one_place = alike >= SAME_PLACE[0] and overlap(*boxes) >= SAME_PLACE[1]
    return alike if alike >= SAME_LOOK or at_one_place else 0.0

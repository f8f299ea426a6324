"""The value of the moment: a dot in the plane of valence and arousal, or a bar for each target."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from rjcma.predict.letters import Letters
from rjcma.predict.paint import (
    FAINT,
    GROUND,
    INK,
    PLOT,
    QUIET,
    Colour,
    disc,
    line,
    mixed,
    polygon,
    ring,
    tint,
)
from rjcma.predict.series import NO_FACE, Floats, Series
from rjcma.timeline import Seconds
from rjcma.vision.pictures import Pixels

PLANE = ("valence", "arousal")
"""The targets of the plane: to the right, and up."""

TRAIL: Seconds = 3.0
"""How long the dot's trail is (ours)."""

PIECES = 24
"""The most pieces that a trail is drawn in, each fainter than the next (ours)."""


class Square(NamedTuple):
    """Where a dial is drawn, in pixels."""

    left: int
    top: int
    side: int


class Dial(Protocol):
    """What is drawn once, and what is drawn for each frame."""

    def ground(self, image: Pixels) -> None:
        """Draw all that never changes."""

    def draw(self, image: Pixels, people: Sequence[Series], frame: int) -> None:
        """Draw the values of a frame."""


def dial_for(targets: Sequence[str], square: Square, letters: Letters) -> Dial:
    """The plane if valence and arousal are among the targets, else bars."""
    if set(PLANE) <= set(targets):
        return Plane(square, letters)
    return Bars(square, letters, targets)


class Plane:
    """The plane of valence and arousal, with a dot and its fading trail."""

    def __init__(self, square: Square, letters: Letters) -> None:
        self.square, self.letters = square, letters
        self.names = letters.height  # the room for a name, below and to the left
        self.radius = (square.side - self.names) / 2
        left, top = square.left + self.names, square.top
        self.centre = np.array([left + self.radius, top + self.radius])

    def place(self, valence: ArrayLike, arousal: ArrayLike) -> Floats:
        """Values in [-1, 1] -> positions (..., 2)."""
        across, up = self.radius * np.asarray(valence), self.radius * np.asarray(arousal)
        return self.centre + np.stack([across, -up], axis=-1)

    def ground(self, image: Pixels) -> None:
        """Draw the square with its axes, the circle in it, and the axes' names."""
        polygon(image, self.place([-1, 1, 1, -1], [-1, -1, 1, 1]), PLOT)
        for share in (1.0, 0.5):
            ring(image, self.centre, share * self.radius - 1, 1, FAINT)
        line(image, self.place([-1, 1], [0, 0]), 1, FAINT)
        line(image, self.place([0, 0], [-1, 1]), 1, FAINT)
        across, up = (self.letters.mask(name) for name in PLANE)
        up = np.ascontiguousarray(np.rot90(up))
        x, y = self.centre
        tint(image, across, round(x - across.shape[1] / 2), round(y + self.radius), QUIET)
        tint(image, up, self.square.left, round(y - up.shape[0] / 2), QUIET)

    def draw(self, image: Pixels, people: Sequence[Series], frame: int) -> None:
        """Draw each person's trail and dot; a dot is hollow without a face."""
        for person in people:
            self._trail(image, person, frame)
        for person in people:
            valence, arousal = (person.means[target][frame] for target in PLANE)
            if not np.isfinite([valence, arousal]).all():
                continue
            point, size = self.place(valence, arousal), max(3.0, 0.045 * self.square.side)
            disc(image, point, size + max(1, size / 4), GROUND)
            disc(image, point, size, person.colour)
            if person.missing[frame]:
                disc(image, point, 0.6 * size, GROUND)
        if all(person.missing[frame] for person in people):
            gap = self.letters.size // 3
            left, top = self.place(-1, 1).round().astype(int).tolist()
            tint(image, self.letters.mask(NO_FACE), left + gap, top + gap // 2, QUIET)

    def _trail(self, image: Pixels, person: Series, frame: int) -> None:
        first = int(np.searchsorted(person.times, person.times[frame] - TRAIL))
        points = self.place(*(person.means[target][first : frame + 1] for target in PLANE))
        known = np.asarray(np.isfinite(points).all(axis=1))
        bounds = np.unique(np.linspace(0, len(points) - 1, PIECES + 1).astype(int))
        for begin, end in pairwise(bounds):
            if known[begin : end + 1].all():
                age = (person.times[frame] - person.times[first + end]) / TRAIL
                colour = mixed(person.colour, 0.75 * (1 - age) ** 1.5, PLOT)
                line(image, points[begin : end + 1], self.square.side / 60, colour)


class Bars:
    """An upright bar for each target, from the middle of its range to the value."""

    def __init__(self, square: Square, letters: Letters, targets: Sequence[str]) -> None:
        self.square, self.letters, self.targets = square, letters, targets
        self.top = square.top + letters.height // 2
        self.low = square.top + square.side - letters.height - letters.size // 3

    def _height(self, value: float) -> float:
        return self.low + (self.top - self.low) * (float(np.clip(value, -1, 1)) + 1) / 2

    def _slot(self, place: int) -> tuple[float, float]:
        """The left edge of a target's column, and its width."""
        width = self.square.side / len(self.targets)
        return self.square.left + place * width, width

    def ground(self, image: Pixels) -> None:
        """Draw each column with its middle line and its name, as far as there is room."""
        for place, target in enumerate(self.targets):
            left, width = self._slot(place)
            inset = 0.12 * width
            edges = (left + inset, left + width - inset)
            _box(image, edges, (self.top, self.low), PLOT)
            middle = self._height(0)
            line(image, [(edges[0], middle), (edges[1], middle)], 1, FAINT)
            name = _fitting(target, self.letters, width - 2)
            start = left + (width - self.letters.width(name)) / 2
            below = self.low + self.letters.size // 4
            tint(image, self.letters.mask(name), round(start), below, QUIET)

    def draw(self, image: Pixels, people: Sequence[Series], frame: int) -> None:
        """Draw the bars, those of several people side by side, with whiskers for the spread."""
        for place, target in enumerate(self.targets):
            left, width = self._slot(place)
            own = 0.6 * width / len(people)
            for number, person in enumerate(people):
                value, spread = person.means[target][frame], person.spreads[target][frame]
                if not np.isfinite(value):
                    continue
                start = left + 0.2 * width + number * own
                edges = (start + 0.1 * own, start + 0.9 * own)
                colour = person.lines[target]
                _box(image, edges, (self._height(0), self._height(value)), mixed(colour, 0.55))
                line(image, [(edge, self._height(value)) for edge in edges], 3, colour)
                if person.folds > 1:
                    middle = sum(edges) / 2
                    ends = [(middle, self._height(value + side * spread)) for side in (-1, 1)]
                    line(image, ends, 1, INK)


def _box(
    image: Pixels, across: tuple[float, float], down: tuple[float, float], colour: Colour
) -> None:
    (left, right), (top, low) = across, down
    polygon(image, [(left, top), (right, top), (right, low), (left, low)], colour)


def _fitting(text: str, letters: Letters, room: float) -> str:
    """The text, shortened until it has room.

    A text that has room is not changed.
    """
    if letters.width(text) <= room:
        return text
    cut = next((n for n in range(len(text), 0, -1) if letters.width(text[:n] + "…") <= room), 0)
    return text[:cut] + "…"

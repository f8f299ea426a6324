"""A person's prediction, ready to be drawn: means, spreads and colours over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.predict.paint import ACCENT, PEOPLE, Colour, colours
from rjcma.predict.result import Predicted

Floats = NDArray[np.float64]

NO_FACE = "no face"
"""What is written where a person's face is missing."""


class Series(NamedTuple):
    """What is drawn of one person. Values are in [-1, 1], from the lowest to the highest one."""

    name: str
    """`left`, `right` or a number; empty if only one person is shown."""
    colour: Colour
    times: Floats
    """(T,) seconds."""
    means: Mapping[str, Floats]
    """By target, (T,); of several people NaN where their face is not seen."""
    spreads: Mapping[str, Floats]
    """By target, (T,): the standard deviation over the folds."""
    lines: Mapping[str, Colour]
    """By target, the colour of its trace."""
    scales: Mapping[str, tuple[float, float]]
    """By target, the lowest and the highest value in its own units."""
    folds: int
    """The number of folds of the target that has most."""
    boxes: Floats
    """(T, 4), in pixels of the displayed picture; NaN where there is no face."""

    missing: NDArray[np.bool_]
    """(T,): whether a face was looked for and not found."""

    def text(self, target: str, frame: int) -> str:
        """A frame's value in the target's own units, and the folds' spread if there are several."""
        low, high = self.scales[target]
        half = (high - low) / 2
        mean = number(low + (self.means[target][frame] + 1) * half, low, high)
        spread = number(self.spreads[target][frame] * half, 0, high - low)
        return f"{mean} ± {spread}" if self.folds > 1 and not self.name else mean


def series(people: Sequence[Predicted]) -> list[Series]:
    """The series of each person, one colour each; the traces of one alone have their targets'."""
    alone = len(people) == 1
    return [
        _one(person, "" if alone else str(person.clip.person or place), place, alone)
        for place, person in enumerate(people, 1)
    ]


def _one(person: Predicted, name: str, place: int, alone: bool) -> Series:
    targets = list(person.ranges)
    colour = ACCENT if alone else PEOPLE[(place - 1) % len(PEOPLE)]
    times, boxes = person.clip.frame_times(), person.boxes
    nowhere = np.full((len(times), 4), np.nan)
    means, spreads = {}, {}
    hidden = missing(person) & (not alone)
    for target, (low, high) in person.ranges.items():
        half = (high - low) / 2
        mean = np.where(hidden, np.nan, person.mean(target).astype(np.float64))
        means[target] = (mean - low) / half - 1
        spreads[target] = person.spread(target).astype(np.float64) / half
    return Series(
        name=name,
        colour=colour,
        times=times,
        means=means,
        spreads=spreads,
        lines=colours(targets) if alone else dict.fromkeys(targets, colour),
        scales=person.ranges,
        folds=max(len(folds) for folds in person.folds.values()),
        boxes=nowhere if boxes is None else boxes.astype(np.float64),
        missing=missing(person),
    )


def edges(predicted: Predicted) -> Floats:
    """The time of each frame, and the time at which the last one ends, (T + 1,)."""
    clip = predicted.clip
    return clip.model_copy(update={"frames": clip.frames + 1}).frame_times()


def missing(predicted: Predicted) -> NDArray[np.bool_]:
    """(T,): whether a face was looked for and not found."""
    if predicted.boxes is None:
        return np.zeros(predicted.clip.frames, bool)
    return np.asarray(~np.isfinite(predicted.boxes).all(axis=1), bool)


def number(value: float, low: float, high: float) -> str:
    """A value of a range with about three digits; with its sign if the range has both.

    >>> number(-0.123, -1, 1), number(0.5, -1, 1), number(61.24, 0, 100)
    ('−0.12', '+0.50', '61.2')
    """
    if not math.isfinite(value):
        return "–"
    digits = max(0, 2 - math.floor(math.log10((high - low) / 2)))
    sign = "+" if low < 0 < high else ""
    return f"{value:{sign}z.{digits}f}".replace("-", "−")

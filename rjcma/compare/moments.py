"""Where two predictions part most: the moments that are worth looking at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d

from rjcma.compare.pairs import Both, Common, Pair
from rjcma.compare.side import Array, Side, Word
from rjcma.timeline import Seconds

SMOOTH: Seconds = 1.0
"""The difference is averaged over this time, so that a single frame does not count (ours)."""
APART: Seconds = 3.0
"""Two moments of a clip and target are at least this far apart (ours)."""
LEAST = 1e-9
"""The difference from which on predictions part: less is rounding, since they have six decimals."""
AROUND: Seconds = 1.0
"""Words are shown that are spoken so long before or after the moment (ours)."""


class Moment(NamedTuple):
    """A moment of a clip at which the predictions of a target differ much."""

    clip: str
    target: str
    time: Seconds
    """Of the frame, in the video."""
    a: float
    b: float
    """The predictions there, averaged over `SMOOTH` seconds, in the corpus's own units."""
    truth: float | None
    """The label likewise; None if the frame is unlabelled."""
    size: float
    """The difference, in [0, 2]: of values in [-1, 1]."""
    words: str = ""
    """What is said around it."""

    @property
    def closer(self) -> str:
        """The report whose prediction is closer to the label; empty without one."""
        if self.truth is None or abs(self.a - self.truth) == abs(self.b - self.truth):
            return ""
        return "A" if abs(self.a - self.truth) < abs(self.b - self.truth) else "B"


def most(shared: Common, a: Side, b: Side, count: int) -> list[Moment]:
    """The `count` moments with the largest differences, largest first, of all targets."""
    found = [
        moment
        for pair in shared.pairs
        for target in shared.comparable
        if target in pair.targets
        for moment in _of_clip(pair, target, pair.targets[target], a, count)
    ]
    found.sort(key=lambda each: (-each.size, each.clip, each.target, each.time))
    spoken: dict[str, Sequence[Word] | None] = {}
    for moment in found[:count]:
        if moment.clip not in spoken:
            spoken[moment.clip] = a.words(moment.clip) or b.words(moment.clip)
    return [each._replace(words=_said(spoken[each.clip], each.time)) for each in found[:count]]


def _of_clip(pair: Pair, target: str, both: Both, a: Side, count: int) -> Iterator[Moment]:
    """The largest differences of a clip that are `APART`."""
    width = max(1, round(SMOOTH / _step(pair.times)))
    first, second = (_smooth(values, width) for values in (both.a, both.b))
    size = np.abs(first - second)
    for _ in range(count):
        frame = int(np.argmax(size))
        if size[frame] < LEAST:
            return
        labelled = both.truth_a[max(0, frame - width // 2) : frame + width // 2 + 1]
        truth = None if np.isnan(labelled).all() else float(np.nanmean(labelled))
        values = np.array([first[frame], second[frame], np.nan if truth is None else truth])
        x, y, z = a.own(target, values).tolist()
        seen = None if truth is None else z
        yield Moment(pair.clip, target, float(pair.times[frame]), x, y, seen, float(size[frame]))
        size[np.abs(pair.times - pair.times[frame]) < APART] = 0


def _smooth(values: Array, width: int) -> Array:
    return np.asarray(uniform_filter1d(values, width, mode="nearest"), np.float64)


def _step(times: Array) -> Seconds:
    """The usual time from frame to frame."""
    return float(np.median(np.diff(times))) if len(times) > 1 else SMOOTH


def _said(words: Sequence[Word] | None, time: Seconds) -> str:
    near = [w.text for w in words or () if w.start < time + AROUND and w.end > time - AROUND]
    return " ".join(near)

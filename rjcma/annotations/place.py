"""Samples placed on the frames of a clip."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.timeline import Seconds, item_at

Array = NDArray[np.float64]

LONG = 1.0
"""Seconds that are bridged in any case (ours)."""
STEPS = 2.0
"""Usual steps that are bridged in any case (ours)."""
SOME = 10_000
"""Steps that are enough for the usual one (ours)."""
SLACK = 1 + 1e-9
"""By this factor a step may exceed the limit, since times are rounded."""


class Frames(NamedTuple):
    """The frames of a clip."""

    times: Array
    """When each begins, (T,) seconds, never decreasing."""
    end: Seconds
    """When the last one ends."""

    def edges(self) -> Array:
        """Beginnings and the end of the last, (T + 1,)."""
        return np.append(self.times, self.end)


def limit(times: Array, max_gap: Seconds | None) -> Seconds:
    """The longest step between two samples that is bridged."""
    if max_gap is not None:
        return max_gap * SLACK
    return max(LONG, STEPS * step(times)) * SLACK


def step(times: Array) -> Seconds:
    """The usual step between samples: the median; 0 if there are fewer than two.

    Of a long annotation, that of some steps: evenly spaced, at least `SOME`.
    """
    every = max(1, times.size // SOME)
    steps = times[1::every] - times[:-1:every]
    return float(np.median(steps)) if steps.size else 0.0


def placed(times: Array, values: Array, frames: Frames, longest: Seconds) -> Array:
    """Samples on frames, (T,): NaN where there is none.

    A frame lasts until the next one begins. If it has two samples or more, its value is their mean;
    else that of the line between the samples before and after it, unless they are more than
    `longest` apart. A frame for which there is no such line has the value of its one sample, if it
    has one. `times` (N,) increase; NaN values are no samples.

    >>> frames = Frames(np.array([0, 1, 2, 3.0]), 4.0)
    >>> placed(np.array([0, 0.5, 2]), np.array([1, 3, 6.0]), frames, 9.0).tolist()
    [2.0, 4.0, 6.0, nan]
    """
    rated = ~np.isnan(values)
    if not rated.all():
        times, values = times[rated], values[rated]
    if not times.size:
        return np.full(frames.times.shape, np.nan)
    begins = np.searchsorted(times, frames.edges())
    counts = np.diff(begins)
    result = _between(times, values, frames.times, longest)
    some = np.flatnonzero(counts)
    if some.size:
        means = np.add.reduceat(values[: begins[-1]], begins[some]) / counts[some]
        needed = (counts[some] > 1) | np.isnan(result[some])
        result[some[needed]] = means[needed]
    return result


def _between(times: Array, values: Array, at: Array, longest: Seconds) -> Array:
    """Values on the lines between samples; NaN beyond the ends and in steps over `longest`."""
    result = np.interp(at, times, values, left=np.nan, right=np.nan)
    after = np.searchsorted(times, at)
    inner = (after > 0) & (after < times.size)
    after = np.where(inner, after, 0)
    on_sample = times[after] == at
    far = inner & ~on_sample & (times[after] - times[after - 1] > longest)
    result[far] = np.nan
    return result


def stretched(begins: Array, ends: Array, values: Array, frames: Frames) -> Array:
    """Values of stretches on frames, (T,): a frame has that of the stretch in which it begins.

    `begins` (N,) increase; where stretches overlap, the later one counts. NaN where there is none.
    """
    item = item_at(frames.times, begins, ends)
    return np.where(item >= 0, np.append(values, np.nan)[item], np.nan)

"""A rater's samples smoothed by a Savitzky-Golay filter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from rjcma.annotations.place import step
from rjcma.timeline import Seconds

Array = NDArray[np.float64]

UNEVEN = 0.1
"""Share of the usual step by which a step may differ to count as even (ours)."""


def is_even(times: Array, longest: Seconds) -> bool:
    """Whether samples are evenly spaced, apart from steps over `longest`, which are gaps."""
    steps = np.diff(times)
    steps = steps[steps <= longest]
    return bool((np.abs(steps - step(times)) <= UNEVEN * step(times)).all())


def smoothed(
    times: Array, values: Array, window: Seconds, order: int, longest: Seconds
) -> Array | None:
    """Values (N,) smoothed between gaps; None if the window has too few samples for the order.

    Stretches that are shorter than the window stay as they are. NaN values are gaps if they last
    longer than `longest`; shorter ones are filled by the line between their neighbours.
    """
    usual = step(times)
    length = round(window / usual) // 2 * 2 + 1 if usual else 1
    if length <= order:
        return None
    result = values.copy()
    rated = np.flatnonzero(~np.isnan(values))
    breaks = np.flatnonzero(np.diff(times[rated]) > longest) + 1
    for run in np.split(rated, breaks):
        if run.size and run[-1] - run[0] + 1 >= length:
            whole = slice(run[0], run[-1] + 1)
            filled = np.interp(times[whole], times[run], values[run])
            result[run] = savgol_filter(filled, length, order)[run - run[0]]
    return result

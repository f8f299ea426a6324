"""A series as a small line, drawn by the page itself (SVG), to compare many clips at a glance."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 110, 26
"""Pixels."""

POINTS = 55
"""The most points of a line, each the mean of its frames (ours): one for every other pixel."""


class Sparkline(NamedTuple):
    """The lines of one target of a clip; each is the path of an SVG, empty if there is none."""

    colour: str
    truth: str
    prediction: str


def path(values: NDArray[Any], scale: tuple[float, float]) -> str:
    """The path of a series (T,) in the range `scale`; it is broken where all values are NaN.

    >>> path(np.array([-1.0, 0.0, 1.0]), (-1, 1))
    'M1 25L55 13L109 1'
    """
    parts = np.array_split(np.asarray(values, np.float64), min(len(values), POINTS))
    known = [part[np.isfinite(part)] for part in parts]
    low, high = scale
    steps, before = [], False
    for number, part in enumerate(known):
        if part.size:
            x = 1 + (WIDTH - 2) * number / max(len(known) - 1, 1)
            share = (float(np.clip(part.mean(), low, high)) - low) / (high - low)
            y = HEIGHT - 1 - (HEIGHT - 2) * share
            steps.append(f"{'L' if before else 'M'}{x:.3g} {y:.3g}")
        before = bool(part.size)
    return "".join(steps)

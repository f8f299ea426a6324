"""A figure of a page: Plotly's data and layout, with its words, and its numbers as a table.

Colours are the names of `assets/style.css` (`var(--blue)`); `assets/figures.js` puts in the
colours of the theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Table(NamedTuple):
    """Rows of cells below a head; the first cell of a row is its name."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Figure(NamedTuple):
    """A figure."""

    name: str
    """Its name on its page."""
    title: str
    description: str
    """What it shows, in words, for those who do not see it."""
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    height: int = 320
    """Pixels."""
    table: Table | None = None
    """Its numbers."""
    square: bool = False
    """Whether it is as high as it is wide."""

    def plot(self) -> dict[str, Any]:
        """What the script draws."""
        return {"data": list(self.data), "layout": dict(self.layout)}


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with a title."""
    return {"title": {"text": title}, **more}


def square_axes(
    x: str, y: str, x_range: tuple[float, float], y_range: tuple[float, float]
) -> dict[str, Any]:
    """The axes of a square plot; each domain shrinks to what is needed, so nothing is empty."""
    return {
        "xaxis": axis(x, range=list(x_range), constrain="domain", nticks=5),
        "yaxis": axis(
            y,
            range=list(y_range),
            constrain="domain",
            nticks=5,
            scaleanchor="x",
            scaleratio=(x_range[1] - x_range[0]) / (y_range[1] - y_range[0]),
        ),
    }


def decimals(scale: tuple[float, float]) -> int:
    """The decimals that tell values of this range apart: three for [-1, 1], none for thousands.

    >>> [decimals(scale) for scale in ((-1, 1), (1, 9), (0, 100), (0, 1e6))]
    [3, 3, 2, 0]
    """
    low, high = scale
    return int(np.clip(3 - np.floor(np.log10((high - low) / 2)), 0, 3))

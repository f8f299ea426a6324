"""The style of all pictures: one font, one set of colours, and PNG files without metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, QUIET, FAINT = "#222222", "#6f6f6f", "#d9d9d9"
TRUTH = "#9a9a9a"
COLOURS = {"valence": "#0072b2", "arousal": "#d55e00"}  # Okabe and Ito's, safe for the colour-blind
OTHERS = ("#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # theirs too, for other targets
DPI = 100

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # part of matplotlib, so pictures are the same on every machine
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # names of clips and words are shown as they are
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.solid_joinstyle": "round",
    "lines.solid_capstyle": "round",
    "agg.path.chunksize": 0,
}


def colours(targets: Sequence[str]) -> dict[str, str]:
    """A colour for each target.

    >>> colours(["arousal", "engagement"])
    {'arousal': '#d55e00', 'engagement': '#009e73'}
    """
    others = [target for target in targets if target not in COLOURS]
    return {
        target: COLOURS.get(target) or OTHERS[others.index(target) % len(OTHERS)]
        for target in targets
    }


@contextmanager
def style() -> Iterator[None]:
    """Draw in this style, independent of the user's matplotlib settings; also a decorator."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def figure(width: float, height: float) -> Figure:
    """A figure of width x height pixels, drawn by Agg: no display, no shared state."""
    fig = Figure((width / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(fig)
    return fig


def save(fig: Figure, path: Path, *, scale: float = 1.0) -> None:
    """Write a PNG with `scale` times the figure's pixels, without metadata."""
    fig.savefig(path, format="png", dpi=DPI * scale, metadata={"Software": None})


def set_value_axis(axes: Axes, label: str, colour: str) -> None:
    """Set the vertical axis of a trace: from -1 to 1, with a line at 0."""
    axes.set_ylim(-1.06, 1.06)
    axes.set_yticks([-1, -0.5, 0, 0.5, 1], ["−1", "", "0", "", "1"])
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.set_ylabel(label, color=colour, fontweight="bold", labelpad=2)


def any_finite(values: np.ndarray) -> bool:
    """Whether any value can be drawn."""
    return bool(np.isfinite(values).any())

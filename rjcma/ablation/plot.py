"""An ablation in one picture: one dot per run, and each row's mean with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from rjcma.ablation.statistics import LEVEL
from rjcma.ablation.tables import Line
from rjcma.scoring.style import FAINT, INK, QUIET, colours, figure, save, style

ROW, HEAD, TOP, FOOT = 26, 36, 8, 84  # pixels: a row, a table's heading, top and bottom margin
WIDTH, NAMES, EDGE, GAP = 1100, 250, 20, 36  # pixels: picture, row names, side margin, column gap
LETTER = 7.5  # pixels, about, per letter of a bold name; long names widen the column of names
SPREAD = 0.27  # of a row's height: the largest distance of a fold's dots from the row's middle
CAPTION = (
    "Each dot is a run. Within a row, folds are one below the other, the first at the top.",
    f"Solid line: the mean and its {LEVEL:.0%} interval for training again on these folds."
    " Dashed line: the mean of the table's reference, whose name is bold.",
)


class Panel(NamedTuple):
    """One table of the picture."""

    about: str
    reference: str
    lines: Sequence[Line]


@style()
def draw(panels: Sequence[Panel], targets: Sequence[str], path: Path) -> None:
    """Draw all tables below one another, and the targets side by side, into a PNG file."""
    heights = [HEAD + ROW * len(panel.lines) for panel in panels]
    height = TOP + sum(heights) + FOOT
    fig = figure(WIDTH, height)
    limits = _limits(panels, targets)
    names = max([NAMES, *(EDGE + LETTER * len(line.name) for p in panels for line in p.lines)])
    width = (WIDTH - names - EDGE - GAP * (len(targets) - 1)) / len(targets)
    for column, (target, colour) in enumerate(colours(targets).items()):
        left, top = names + column * (width + GAP), TOP
        for panel, high in zip(panels, heights, strict=True):
            box = (left, height - top - high, width, high - HEAD)
            scale = (WIDTH, height, WIDTH, height)
            axes = fig.add_axes(tuple(np.divide(box, scale).tolist()))
            _table(axes, panel, target, colour)
            axes.set_xlim(*limits)
            if column == 0:
                _names(axes, panel)
                y = (height - top - HEAD + 9) / height
                fig.text(EDGE / WIDTH, y, panel.about, fontsize=10.5, fontweight="bold")
            top += high
        _scale(axes, target, colour)
    for place, text in enumerate(CAPTION):
        fig.text(EDGE / WIDTH, (28 - 15 * place) / height, text, fontsize=8.5, color=QUIET)
    save(fig, path, scale=1.5)


def _table(axes: Axes, panel: Panel, target: str, colour: str) -> None:
    """Draw one table's rows for one target, from top to bottom."""
    axes.set_ylim(len(panel.lines) - 0.5, -0.5)
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.axvline(0, color=QUIET, linewidth=0.8, zorder=1)
    reference = next(line for line in panel.lines if line.name == panel.reference)
    axes.axvline(
        reference.spreads[target].mean, color=QUIET, linewidth=0.8, dashes=(4, 3), zorder=1
    )
    for place, line in enumerate(panel.lines):
        _row(axes, place, line, target, colour)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)


def _row(axes: Axes, place: int, line: Line, target: str, colour: str) -> None:
    values, spread = line.values[target], line.spreads[target]
    heights = place + np.linspace(-SPREAD, SPREAD, len(values))[:, None] * (len(values) > 1)
    axes.plot(
        values.ravel(),
        np.broadcast_to(heights, values.shape).ravel(),
        linestyle="",
        marker="o",
        markersize=4,
        markerfacecolor=colour,
        markeredgewidth=0,
        alpha=0.45,
        zorder=2,
    )
    if spread.low == spread.low:
        axes.plot([spread.low, spread.high], [place, place], color=INK, linewidth=1.6, zorder=3)
    axes.plot([spread.mean], [place], marker="|", markersize=13, markeredgewidth=2.2, color=INK)


def _names(axes: Axes, panel: Panel) -> None:
    """Write the rows' names at the left, the reference's in bold."""
    for place, line in enumerate(panel.lines):
        axes.annotate(
            line.name,
            (0, place),
            xycoords=("axes fraction", "data"),
            xytext=(-10, 0),
            textcoords="offset points",
            ha="right",
            va="center_baseline",
            fontweight="bold" if line.name == panel.reference else "normal",
        )


def _scale(axes: Axes, target: str, colour: str) -> None:
    """Draw the scale, below the lowest table."""
    axes.spines["bottom"].set_visible(True)
    axes.tick_params(bottom=True, labelbottom=True)
    axes.set_xlabel(f"CCC, {target}", color=colour, fontweight="bold", labelpad=2)


def _limits(panels: Sequence[Panel], targets: Sequence[str]) -> tuple[float, float]:
    """The limits of the scale of all tables: from the lowest run to the highest, including 0."""
    values = [line.values[t].ravel() for p in panels for line in p.lines for t in targets]
    joined = np.concatenate([*values, [0.0]])
    margin = 0.04 * max(np.ptp(joined), 0.1)
    return float(joined.min() - margin), float(joined.max() + margin)

"""A picture of a predicted clip: a panel per target over time, and the words below them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from rjcma.jobs.files import written
from rjcma.pages.strips import stretches
from rjcma.predict.letters import having
from rjcma.predict.result import Predicted
from rjcma.predict.series import Floats, edges, missing
from rjcma.scoring.scene import Placed, stagger
from rjcma.scoring.style import FAINT, INK, QUIET, colours, figure, save, style
from rjcma.speech.words import Word
from rjcma.timeline import Seconds

# Pixels at scale 1; the picture is written at scale SHARP, for sharp screens.
NARROWEST, WIDEST, A_SECOND = 900, 2400, 60
LEFT, RIGHT, TOP, BOTTOM, GAP, PANEL, ROW, SPEECH = 66, 26, 44, 46, 18, 130, 23, 16
SHARP = 2

WORD_SIZE = 9.5  # points
MOST_ROWS = 6
"""Of words: where more would be needed, bars show when somebody speaks (ours)."""

DENSE = 2.0
"""Frames per pixel from which on a pixel shows their mean and their range (ours)."""

CLOCK: Seconds = 120.0
"""Longer clips have times in minutes and hours instead of seconds (ours)."""

TICKS: Sequence[Seconds] = (10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MOST_TICKS = 16
"""How far apart the marks of minutes and hours may be, and how many there may be (ours)."""


@style()
def draw(predicted: Predicted, out: Path) -> None:
    """Write the picture as a PNG: the folds' mean and their spread, shaded where no face is seen.

    The longer the clip, the wider the picture, up to a limit. Raises `Problem` for a path that
    cannot be written.
    """
    chart = _Chart.of(predicted)
    fig = figure(chart.width, chart.height)
    for place, target in enumerate(predicted.ranges):
        axes = chart.axes(fig, TOP + place * (PANEL + GAP), PANEL)
        _draw_target(axes, chart, target)
        axes.tick_params(labelbottom=False)
    _draw_words(chart.axes(fig, chart.height - BOTTOM - chart.below, chart.below), chart)
    _draw_heading(fig, chart)
    with written(out, "a path for a PNG file") as partial, _without_complaints():
        save(fig, partial, scale=SHARP)


class _Chart(NamedTuple):
    """What is drawn, and how large it is in pixels."""

    predicted: Predicted
    edges: Floats
    """The frames' times, and the time at which the last one ends, (T + 1,)."""
    width: int
    words: list[Placed]
    """Empty if they would need too many rows."""
    below: int
    """The height of the words, or of the bars in place of them."""

    @classmethod
    def of(cls, predicted: Predicted) -> _Chart:
        times = edges(predicted)
        seconds = float(times[-1] - times[0])
        width = round(np.clip(A_SECOND * seconds + LEFT + RIGHT, NARROWEST, WIDEST))
        shown = [w for w in predicted.words if w.end > times[0] and w.start < times[-1]]
        words = _placed(shown, times, width)
        rows = max((placed.row + 1 for placed in words), default=0)
        return cls(predicted, times, width, words, rows * ROW if rows else SPEECH)

    @property
    def seconds(self) -> Seconds:
        """How long the clip is."""
        return float(self.edges[-1] - self.edges[0])

    @property
    def is_long(self) -> bool:
        """Whether its times are minutes and hours."""
        return self.seconds > CLOCK

    @property
    def height(self) -> int:
        targets = len(self.predicted.ranges)
        return TOP + targets * (PANEL + GAP) + self.below + BOTTOM

    def axes(self, fig: Figure, top: float, height: float) -> Axes:
        """Axes at this place, on the clip's time."""
        across = (self.width - LEFT - RIGHT) / self.width
        place = (LEFT / self.width, 1 - (top + height) / self.height, across, height / self.height)
        axes = fig.add_axes(place)
        axes.set_xlim(self.edges[0], self.edges[-1])
        if self.is_long:
            steps = (step for step in TICKS if self.seconds <= MOST_TICKS * step)
            axes.xaxis.set_major_locator(MultipleLocator(next(steps, TICKS[-1])))
        return axes


def _placed(words: Sequence[Word], times: Floats, width: int) -> list[Placed]:
    """The words in rows; none if they need more than there may be."""
    second = (width - LEFT - RIGHT) / float(times[-1] - times[0])
    if len(words) > MOST_ROWS * width / 12:  # as many as have room if they are short
        return []
    renderer = FigureCanvasAgg(Figure(dpi=100)).get_renderer()
    with _without_complaints():
        pixels = [
            renderer.get_text_width_height_descent(word.text, _font(word), False)[0] + 7
            for word in words
        ]
    start, end = float(times[0]), float(times[-1])
    placed = stagger(words, [each / second for each in pixels], start, end)
    return placed if all(each.row < MOST_ROWS for each in placed) else []


def _font(word: Word) -> FontProperties:
    """A font that has the letters of a word, if there is one on this machine."""
    return FontProperties(fname=str(having(word.text)), size=WORD_SIZE)


@contextmanager
def _without_complaints() -> Iterator[None]:
    """Without warnings about letters that no font has: they are boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def _draw_heading(fig: Figure, chart: _Chart) -> None:
    folds = max(len(folds) for folds in chart.predicted.folds.values())
    text = f"mean of {folds} folds ± standard deviation" if folds > 1 else "one fold"
    text += "; shaded: no face" if missing(chart.predicted).any() else ""
    right, left = 1 - RIGHT / chart.width, LEFT / chart.width
    y = 1 - TOP / 2 / chart.height
    name = chart.predicted.clip.name
    fig.text(left, y, name, fontsize=11.5, fontweight="bold", va="center")
    fig.text(right, y, text, fontsize=9.5, color=QUIET, va="center", ha="right")


def _draw_target(axes: Axes, chart: _Chart, target: str) -> None:
    predicted = chart.predicted
    low, high = predicted.ranges[target]
    colour = colours(list(predicted.ranges))[target]
    pad = 0.04 * (high - low)
    axes.set_ylim(low - pad, high + pad)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.axhline((low + high) / 2, color=FAINT, linewidth=0.8, zorder=0)
    axes.set_ylabel(target, color=colour, fontweight="bold")
    axes.yaxis.set_label_coords(-44 / (chart.width - LEFT - RIGHT), 0.5)
    _shade(axes, chart)
    times, mean, spread, extremes = _reduced(chart, target)
    below, above = np.maximum(mean - spread, low), np.minimum(mean + spread, high)
    axes.fill_between(times, below, above, color=colour, alpha=0.22, linewidth=0)
    if extremes is not None:
        axes.fill_between(times, *extremes, color=colour, alpha=0.45, linewidth=0)
    marker = "o" if len(times) < 3 else ""
    axes.plot(times, mean, color=colour, linewidth=1.5 if extremes is None else 0.9, marker=marker)


def _reduced(
    chart: _Chart, target: str
) -> tuple[Floats, Floats, Floats, tuple[Floats, Floats] | None]:
    """Times, means and spreads; and if there are many frames per pixel, those of each pixel.

    Then the last ones are the lowest and the highest mean of each pixel, else None.
    """
    predicted = chart.predicted
    mean = predicted.mean(target).astype(np.float64)
    spread = predicted.spread(target).astype(np.float64)
    times = chart.edges[:-1]
    pixels = chart.width - LEFT - RIGHT
    if len(times) < DENSE * pixels:
        return times, mean, spread, None
    starts = np.unique(np.linspace(0, len(times), pixels, endpoint=False).astype(int))
    counts = np.diff(starts, append=len(times))
    times, level, spread = (np.add.reduceat(v, starts) / counts for v in (times, mean, spread))
    extremes = np.minimum.reduceat(mean, starts), np.maximum.reduceat(mean, starts)
    return times, level, spread, extremes


def _shade(axes: Axes, chart: _Chart) -> None:
    """Shade the frames without a face, in one piece for all."""
    spans = [
        (chart.edges[first], chart.edges[beyond] - chart.edges[first])
        for first, beyond in stretches(missing(chart.predicted))
    ]
    low, high = axes.get_ylim()
    axes.broken_barh(spans, (low, high - low), facecolor=FAINT, alpha=0.5, linewidth=0, zorder=0)


def _draw_words(axes: Axes, chart: _Chart) -> None:
    """The words, each below a bar as long as it is spoken; or the bars alone."""
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(side == "bottom")
    axes.set_yticks([])
    rows = chart.below // ROW if chart.words else 1
    axes.set_ylim(rows, 0)
    for word, left, row in chart.words:
        span = [max(word.start, chart.edges[0]), min(word.end, chart.edges[-1])]
        axes.plot(span, [row + 0.14] * 2, color=INK, linewidth=1.8, solid_capstyle="butt")
        axes.text(left, row + 0.6, word.text, font=_font(word), va="center", ha="left")
    if not chart.words:
        spans = [(word.start, word.end - word.start) for word in chart.predicted.words]
        axes.broken_barh(spans, (0.15, 0.6), facecolor=QUIET, linewidth=0)
        axes.set_ylabel("speech", color=QUIET, rotation=0, ha="right", va="center", labelpad=4)
    axes.set_xlim(chart.edges[0], chart.edges[-1])
    if chart.is_long:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: clock(time)))
        axes.set_xlabel("time", labelpad=2)
    else:
        axes.set_xlabel("seconds", labelpad=2)


def clock(time: Seconds) -> str:
    """A time as minutes and seconds, and hours if there are any.

    >>> clock(61), clock(3661)
    ('1:01', '1:01:01')
    """
    minutes, second = divmod(round(time), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"

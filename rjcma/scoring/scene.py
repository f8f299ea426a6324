"""A picture of a stretch of a clip: faces and spoken words, and truth and prediction below them.

All share one time axis: a face is that of the frame at the middle of its square, a text begins at
the start of its word, and the bar above it is as long as the word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle

from rjcma.problem import Problem
from rjcma.scoring.style import (
    FAINT,
    INK,
    QUIET,
    TRUTH,
    colours,
    figure,
    save,
    set_value_axis,
    style,
)
from rjcma.scoring.trace_plots import Array, Trace
from rjcma.speech.words import Word
from rjcma.store import FeatureReader
from rjcma.timeline import Seconds

# Pixels at scale 1; the picture is written at scale SHARP, for sharp screens.
WIDTH, LEFT, RIGHT = 920, 62, 16
TOP, BOTTOM, GAP, PANEL = 40, 42, 20, 116
FACE, ROW, BLANK = 64, 25, 5
NAMED = 75  # the minimum width of an unlabelled stretch that gets a text
SHARP = 2
WORD_SIZE = 10.0  # points

USUAL, SHORTEST = 8.0, 0.2  # seconds that are shown by default, and at least


class Scene(NamedTuple):
    """What is drawn."""

    trace: Trace
    faces: FeatureReader
    """The crop of every frame, black where there is none."""
    words: Sequence[Word]
    start: Seconds
    end: Seconds

    @classmethod
    def of(
        cls,
        trace: Trace,
        faces: FeatureReader,
        words: Sequence[Word],
        start: Seconds | None = None,
        end: Seconds | None = None,
    ) -> Scene:
        """The stretch from `start` to `end`; by default the clip's first `USUAL` seconds.

        Raises `Problem` for a stretch that is not within the clip.
        """
        first, last = float(trace.times[0]), float(trace.times[-1])
        start = first if start is None else start
        end = min(start + USUAL, max(last, first + SHORTEST)) if end is None else end
        if not first <= start <= end - SHORTEST or start > last or end > last + 1:
            raise Problem(
                clip=trace.clip,
                found=f"a stretch from {start:g} to {end:g} seconds",
                expected=f"one within {first:g} to {last:.2f} seconds, "
                f"at least {SHORTEST:g} s long",
                cure="give another --start and --end",
            )
        return cls(trace, faces, words, start, end)


class Placed(NamedTuple):
    """A word in its row; `left` is where its text begins, in seconds."""

    word: Word
    left: Seconds
    row: int


def stagger(
    words: Iterable[Word], widths: Iterable[Seconds], start: Seconds, end: Seconds
) -> list[Placed]:
    """Place words in rows so that no texts overlap: each begins at its time, in the first free row.

    `widths` are the widths of the texts in seconds, with the space between them. A text that would
    reach beyond `end` is moved left just enough.

    >>> word = Word("hello", 1.0, 1.4, 1.0)
    >>> [(p.left, p.row) for p in stagger([word, word._replace(start=1.2)], [0.5, 0.5], 0, 9)]
    [(1.0, 0), (1.2, 1)]
    """
    ends: list[Seconds] = []
    placed = []
    for word, width in zip(words, widths, strict=True):
        left = max(start, min(max(word.start, start), end - width))
        row = next((row for row, taken in enumerate(ends) if taken <= left), len(ends))
        ends[row : row + 1] = [max(left + width, word.end)]
        placed.append(Placed(word, left, row))
    return placed


@style()
def draw(scene: Scene, path: Path) -> None:
    """Write the picture as a PNG."""
    seconds = scene.end - scene.start
    words = _placed(scene, seconds / (WIDTH - LEFT - RIGHT))
    rows = 1 + max((placed.row for placed in words), default=0)
    heights = [FACE, BLANK, rows * ROW, *[GAP, PANEL] * len(scene.trace.targets)]
    fig = figure(WIDTH, TOP + sum(heights) + BOTTOM)
    faces, _, spoken, *below = _stacked(fig, heights, scene)
    traces = below[1::2]
    _draw_faces(faces, scene)
    _draw_words(spoken, words, rows, scene)
    for column, axes in enumerate(traces):
        _draw_trace(axes, scene, column)
        axes.tick_params(labelbottom=axes is traces[-1])
    traces[-1].set_xlabel("seconds", labelpad=2)
    _draw_heading(fig, scene)
    save(fig, path, scale=SHARP)


def _stacked(fig: Figure, heights: Sequence[int], scene: Scene) -> list[Axes]:
    """Axes from top to bottom, of these heights in pixels, on the scene's time axis."""
    height = TOP + sum(heights) + BOTTOM
    width = (WIDTH - LEFT - RIGHT) / WIDTH
    tops = TOP + np.cumsum([0, *heights[:-1]])
    stacked = []
    for top, own in zip(tops, heights, strict=True):
        axes = fig.add_axes((LEFT / WIDTH, 1 - (top + own) / height, width, own / height))
        axes.set_xlim(scene.start, scene.end)
        axes.set_axis_off()
        stacked.append(axes)
    return stacked


def _draw_heading(fig: Figure, scene: Scene) -> None:
    height = fig.get_figheight() * fig.dpi
    y = 1 - TOP / 2 / height
    left, right = LEFT / WIDTH, 1 - RIGHT / WIDTH
    fig.text(left, y, scene.trace.heading(), fontsize=11.5, fontweight="bold", va="center")
    fig.text(right, y, scene.trace.origin, fontsize=9.5, color=QUIET, va="center", ha="right")


def _draw_faces(axes: Axes, scene: Scene) -> None:
    """Draw as many crops as fit, each that of the frame at the middle of its square."""
    count = (WIDTH - LEFT - RIGHT) // FACE
    edges = np.linspace(scene.start, scene.end, count + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    frames = np.clip(np.searchsorted(scene.trace.times, middles, side="right") - 1, 0, None)
    has_face = scene.faces.index[frames] >= 0
    crops = scene.faces.take(frames)
    axes.set_ylim(0, 1)
    inset = 0.012 * (edges[1] - edges[0])
    for crop, has_crop, left, right in zip(crops, has_face, edges[:-1], edges[1:], strict=True):
        box = (left + inset, right - inset, 0.0, 1.0)
        if has_crop:
            axes.imshow(crop, extent=box, aspect="auto", interpolation="bicubic")
        else:
            _draw_no_face(axes, box)
    axes.set_xlim(scene.start, scene.end)


def _draw_no_face(axes: Axes, box: tuple[float, float, float, float]) -> None:
    left, right, low, high = box
    size = (right - left, high - low)
    axes.add_patch(Rectangle((left, low), *size, facecolor="#f3f3f3", edgecolor="none"))
    middle = ((left + right) / 2, (low + high) / 2)
    axes.text(*middle, "no\nface", color=QUIET, fontsize=8, ha="center", va="center")


def _placed(scene: Scene, seconds_a_pixel: Seconds) -> list[Placed]:
    """The words of the stretch, placed in rows by the widths of their texts."""
    words = [word for word in scene.words if word.end > scene.start and word.start < scene.end]
    renderer = FigureCanvasAgg(Figure(dpi=100)).get_renderer()
    font = FontProperties(size=WORD_SIZE)
    pixels = [renderer.get_text_width_height_descent(w.text, font, False)[0] + 7 for w in words]
    widths = [width * seconds_a_pixel for width in pixels]
    return stagger(words, widths, scene.start, scene.end)


def _draw_words(axes: Axes, words: Iterable[Placed], rows: int, scene: Scene) -> None:
    axes.set_ylim(rows, 0)
    apart = 2 * (scene.end - scene.start) / (WIDTH - LEFT - RIGHT)  # 2 pixels between two bars
    for word, left, row in words:
        begins, ends = max(word.start, scene.start), min(word.end, scene.end)
        span = [begins, max(begins, ends - apart)]
        axes.plot(span, [row + 0.12] * 2, color=INK, linewidth=2, solid_capstyle="butt")
        axes.text(left, row + 0.58, word.text, fontsize=WORD_SIZE, va="center", ha="left")
    if not words:
        middle = (scene.start + scene.end) / 2
        axes.text(middle, 0.5, "nobody speaks", color=QUIET, va="center", ha="center")


def _draw_trace(axes: Axes, scene: Scene, column: int) -> None:
    """Draw truth and prediction of a target; stretches without truth are shaded."""
    target, times = scene.trace.targets[column], scene.trace.times
    colour = colours(scene.trace.targets)[target]
    truth, prediction = scene.trace.truth[:, column], scene.trace.prediction[:, column]
    axes.set_axis_on()
    set_value_axis(axes, target, colour)
    if np.isfinite(truth).any():
        _shade(axes, scene, np.isnan(truth))
        axes.plot(times, truth, color=TRUTH, linewidth=3.6, label="truth")
    axes.plot(times, prediction, color=colour, linewidth=1.8, label="prediction")
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.95),
        ncols=2,
        frameon=False,
        borderaxespad=0,
        handlelength=1.5,
    )


def _shade(axes: Axes, scene: Scene, missing: Array) -> None:
    """Shade the stretches without truth, and write a text into those that are wide enough."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(int)))
    bounds = np.append(scene.trace.times, scene.end)
    pixels_a_second = (WIDTH - LEFT - RIGHT) / (scene.end - scene.start)
    for first, beyond in zip(edges[::2], edges[1::2], strict=True):
        left, right = np.clip(bounds[[first, beyond]], scene.start, scene.end)
        if left < right:
            axes.axvspan(left, right, color=FAINT, alpha=0.45, linewidth=0)
        if (right - left) * pixels_a_second > NAMED:
            middle = (left + right) / 2
            axes.text(middle, -0.9, "unlabelled", color=QUIET, fontsize=8, ha="center")

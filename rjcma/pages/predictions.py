"""The pages of predicted videos: a front page, and a page per clip, without truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rjcma.corpus.labels import Ranges
from rjcma.pages import clip_page, plane, site
from rjcma.pages.clip_page import Neighbour
from rjcma.pages.clip_view import Array, ClipView
from rjcma.pages.figure import Figure, decimals
from rjcma.pages.made_from import Part
from rjcma.pages.palette import colours
from rjcma.pages.site import Site, clip_address
from rjcma.pages.sparkline import Sparkline, path

DATA = "predictions"
"""The name of the front page's data."""


class Predicted(NamedTuple):
    """A target's prediction for a clip; values in the target's own units."""

    mean: float
    """Over time, as are the lowest and the highest."""
    low: float
    high: float
    spread: float
    """The mean over time of the folds' standard deviation; 0 for a single fold."""
    line: Sparkline


class Row(NamedTuple):
    """A clip of the table."""

    name: str
    address: str
    """Of its page, from the front page."""
    seconds: float
    no_face: float | None
    """The share of frames without a face; None if faces were not looked for."""
    words: int | None
    predicted: list[Predicted]
    """By target."""


def write(views: Sequence[ClipView], folder: Path, parts: Sequence[Part] = ()) -> None:
    """Write the pages into `folder`, and replace earlier ones.

    All views are of the same targets. `parts` tells what the predictions were made from.
    """
    names = [view.clip.name for view in views]
    pages = [None, *map(Neighbour.of, names), None]
    with site.building(folder, "Predictions") as built:
        _write_front(built, views, parts)
        for number, view in enumerate(views):
            clip_page.write(built, view, pages[number], pages[number + 2])


def _write_front(built: Site, views: Sequence[ClipView], parts: Sequence[Part]) -> None:
    ranges = _ranges(views)
    figures = _figures(views, ranges)
    built.data(DATA, {"figures": {figure.name: figure.plot() for figure in figures}})
    built.page(
        site.INDEX,
        "predictions.html",
        title="Predictions",
        data=[DATA],
        lead=_lead(views, ranges),
        figures_of=DATA,
        figures=figures,
        has_plane=plane.has_plane(list(ranges)),
        digits={target: min(decimals(scale), 2) for target, scale in ranges.items()},
        rows=[row(view, ranges) for view in views],
        parts=parts,
    )


def _ranges(views: Sequence[ClipView]) -> Ranges:
    """The ranges of the targets that were predicted."""
    first = views[0] if views else None
    return {t: r for t, r in first.ranges.items() if first.folds.get(t)} if first else {}


def _lead(views: Sequence[ClipView], ranges: Ranges) -> str:
    clips = f"{len(views)} clip" + "s" * (len(views) != 1)
    folds = max((len(view.folds[target]) for view in views for target in ranges), default=0)
    by = "one network" if folds == 1 else f"{folds} networks, whose mean is shown"
    return f"{clips}; {' and '.join(ranges)}, each predicted by {by}."


def row(view: ClipView, ranges: Ranges) -> Row:
    """A clip's row of the table."""
    clip, times = view.clip, view.clip.frame_times()
    own = colours(list(ranges))
    return Row(
        name=clip.name,
        address=clip_address(clip.name),
        seconds=float(times[-1] - times[0] + 1 / clip.fps),
        no_face=None if view.faces is None else float(np.mean(view.faces.index < 0)),
        words=None if view.words is None else len(view.words),
        predicted=[
            _predicted(view, target, scale, own[target]) for target, scale in ranges.items()
        ],
    )


def _predicted(view: ClipView, target: str, scale: tuple[float, float], colour: str) -> Predicted:
    values = _mean(view, target)
    folds = np.array([fold.values for fold in view.folds[target]], np.float64)
    line = Sparkline(colour, "", path(values, scale))
    low, high = float(values.min()), float(values.max())
    return Predicted(float(values.mean()), low, high, float(folds.std(axis=0).mean()), line)


def _mean(view: ClipView, target: str) -> Array:
    values = view.prediction(target)
    assert values is not None, f"{view.clip.name}: no prediction of {target}"
    return values


def _figures(views: Sequence[ClipView], ranges: Ranges) -> list[Figure]:
    """Where the predictions lie in the plane, or how often each value is predicted."""
    pooled = {t: np.concatenate([_mean(view, t) for view in views]) for t in ranges}
    if plane.has_plane(list(ranges)):
        x, y = (pooled[target] for target in plane.PLANE)
        return [plane.density("plane-prediction", "Over the plane", x, y, ranges)]
    return [_histogram(target, pooled[target], ranges) for target in ranges]


def _histogram(target: str, values: Array, ranges: Ranges) -> Figure:
    scale = ranges[target]
    counts, edges = np.histogram(np.clip(values, *scale), bins=plane.CELLS, range=scale)
    return Figure(
        name=f"values-{target}",
        title=target.capitalize(),
        description=f"How often each value of {target} is predicted: mean {values.mean():.2f},"
        f" standard deviation {values.std():.2f}.",
        data=[
            {
                "type": "bar",
                "x": (edges[:-1] + edges[1:]) / 2,
                "y": counts,
                "width": float(edges[1] - edges[0]) * 0.95,
                "marker": {"color": colours(list(ranges))[target]},
                "hovertemplate": "about %{x:.2f}: %{y} frames<extra></extra>",
            }
        ],
        layout={
            "xaxis": {"title": {"text": f"predicted {target}"}, "range": list(scale)},
            "yaxis": {"title": {"text": "frames"}, "rangemode": "tozero"},
        },
        height=280,
    )

"""Figures of truth against prediction: over the plane of two targets, and each target by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rjcma.corpus.labels import Ranges
from rjcma.pages.figure import Figure, Table, decimals, square_axes
from rjcma.pages.frames import Frames, pooled
from rjcma.pages.palette import colours

Array = NDArray[Any]

CELLS = 40
"""Cells of a density, along each axis (ours)."""

REGIONS = 8
"""Regions of a target's range, each with its own error (ours)."""

PLANE = ("valence", "arousal")
"""The targets that span a plane, x and y."""

SCALE = [[0, "var(--density-0)"], [0.5, "var(--density-1)"], [1, "var(--density-2)"]]
"""The colours of densities and errors."""

Range = tuple[float, float]


def has_plane(targets: Sequence[str]) -> bool:
    """Whether these targets span the plane."""
    return set(PLANE) <= set(targets)


def over_plane(frames: Sequence[Frames], ranges: Ranges) -> list[Figure]:
    """Where the truth lies in the plane, where the predictions lie, and how far they are apart."""
    (x_truth, x_predicted), (y_truth, y_predicted) = _both(frames)
    x_range, y_range = (ranges[target] for target in PLANE)
    counts = [
        _counts(x, y, x_range, y_range, CELLS)
        for x, y in ((x_truth, y_truth), (x_predicted, y_predicted))
    ]
    highest = max(int(count.max(initial=0)) for count in counts)
    return [
        density("plane-truth", "Truth", x_truth, y_truth, ranges, highest),
        density("plane-prediction", "Prediction", x_predicted, y_predicted, ranges, highest),
    ]


def density(
    name: str, title: str, x: Array, y: Array, ranges: Ranges, highest: int | None = None
) -> Figure:
    """How many frames lie in each cell of the plane; `highest` is the most of any panel's cell."""
    x_range, y_range = (ranges[target] for target in PLANE)
    counts = _counts(x, y, x_range, y_range, CELLS)
    top = int(counts.max(initial=0)) if highest is None else highest
    return Figure(
        name=name,
        title=title,
        description=f"Density over valence and arousal, {len(x):,} frames: valence has mean"
        f" {_mean(x)} and standard deviation {_std(x)}, arousal {_mean(y)} and {_std(y)}.",
        data=[_density(counts, x_range, y_range, PLANE, top)],
        layout={**square_axes(*PLANE, x_range, y_range), "shapes": _cross(x_range, y_range)},
        square=True,
    )


def _mean(values: Array) -> str:
    return f"{values.mean():z.2f}" if values.size else "unknown"


def _std(values: Array) -> str:
    return f"{values.std():.2f}" if values.size else "unknown"


def error_over_plane(frames: Sequence[Frames], ranges: Ranges) -> Figure:
    """The distance between truth and prediction, by the region of the plane where the truth is.

    Both ranges count as [-1, 1].
    """
    (x_truth, x_predicted), (y_truth, y_predicted) = _both(frames)
    x_range, y_range = (ranges[target] for target in PLANE)
    x_error = 2 * (x_predicted - x_truth) / (x_range[1] - x_range[0])
    y_error = 2 * (y_predicted - y_truth) / (y_range[1] - y_range[0])
    squared = x_error**2 + y_error**2
    counts = _counts(x_truth, y_truth, x_range, y_range, REGIONS)
    sums = _counts(x_truth, y_truth, x_range, y_range, REGIONS, squared)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(sums / counts)
    return Figure(
        name="plane-error",
        title="Over the plane",
        description="Root mean square distance between truth and prediction, by region of the"
        " plane in which the truth lies. The table has its numbers.",
        data=[
            {
                **_grid(x_range, y_range, REGIONS),
                "type": "heatmap",
                "z": error,
                "customdata": counts,
                "zmin": 0,
                "colorscale": SCALE,
                "xgap": 1,
                "ygap": 1,
                "hovertemplate": "valence %{x:.2f}, arousal %{y:.2f}<br>"
                "error %{z:.3f}, %{customdata} frames<extra></extra>",
                "colorbar": _bar("error"),
            }
        ],
        layout=square_axes(*PLANE, x_range, y_range),
        square=True,
        table=_plane_table(error, counts, x_range, y_range),
    )


def against(frames: Sequence[Frames], target: str, ranges: Ranges) -> Figure:
    """A target's predictions against its truth, with the mean prediction for each truth.

    `ranges` are those of all targets that were run.
    """
    truth, prediction = pooled(frames, target)
    scale = ranges[target]
    counts = _counts(truth, prediction, scale, scale, CELLS)
    colour = colours(list(ranges))[target]
    region = _region(truth, scale)
    middles, means = [], []
    for number in range(REGIONS):
        inside = region == number
        if inside.any():
            middles.append(float(truth[inside].mean()))
            means.append(float(prediction[inside].mean()))
    return Figure(
        name=f"against-{target}",
        title=target.capitalize(),
        description=f"Predicted {target} against its truth, {len(truth):,} frames, and the mean"
        " prediction by region of the truth. The table has the means.",
        data=[
            _density(counts, scale, scale, ("truth", "prediction"), int(counts.max(initial=0))),
            {
                "type": "scatter",
                "mode": "lines",
                "x": list(scale),
                "y": list(scale),
                "line": {"color": "var(--quiet)", "dash": "dot", "width": 1.5},
                "hoverinfo": "skip",
                "showlegend": False,
            },
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": middles,
                "y": means,
                "line": {"color": colour, "width": 2.5},
                "marker": {"size": 7, "line": {"color": "var(--panel)", "width": 1}},
                "hovertemplate": "truth %{x:.2f}<br>mean prediction %{y:.2f}<extra></extra>",
                "showlegend": False,
            },
        ],
        layout=square_axes("truth", "prediction", scale, scale),
        square=True,
        table=_region_table(truth, prediction, scale),
    )


def error_by_region(frames: Sequence[Frames], target: str, ranges: Ranges) -> Figure:
    """A target's error and the number of frames by region of its truth; `ranges` as `against`."""
    truth, prediction = pooled(frames, target)
    scale = ranges[target]
    region, edges = _region(truth, scale), np.linspace(*scale, REGIONS + 1)
    counts = np.bincount(region, minlength=REGIONS)
    squared = np.bincount(region, (prediction - truth) ** 2, minlength=REGIONS)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(squared / counts)
    width = float(edges[1] - edges[0])
    return Figure(
        name=f"region-{target}",
        title=target.capitalize(),
        description=f"Root mean square error of {target} by region of its truth. The table has its"
        " numbers.",
        data=[
            {
                "type": "bar",
                "x": (edges[:-1] + edges[1:]) / 2,
                "y": error,
                "width": width * 0.9,
                "customdata": counts,
                "marker": {"color": colours(list(ranges))[target]},
                "hovertemplate": "truth about %{x:.2f}<br>RMSE %{y:.3f}, %{customdata} frames"
                "<extra></extra>",
            }
        ],
        layout={
            "xaxis": {"title": {"text": f"true {target}"}, "range": list(scale), "nticks": 6},
            "yaxis": {"title": {"text": "RMSE"}, "rangemode": "tozero"},
        },
        height=300,
        table=_region_table(truth, prediction, scale),
    )


def _both(frames: Sequence[Frames]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Truth and prediction of each target of the plane, over frames where all four are known."""
    x, y = PLANE
    chosen = [f.scored(x) & f.scored(y) for f in frames]
    empty = np.zeros(0)

    def joined(parts: list[Array]) -> Array:
        return np.concatenate(
            [empty, *(part[mask] for part, mask in zip(parts, chosen, strict=True))]
        )

    return (
        (joined([f.truth[x] for f in frames]), joined([f.prediction[x] for f in frames])),
        (joined([f.truth[y] for f in frames]), joined([f.prediction[y] for f in frames])),
    )


def _counts(
    x: Array, y: Array, x_range: Range, y_range: Range, cells: int, weights: Array | None = None
) -> Array:
    """(cells, cells), rows by y: frames, or the sum of their weights, in each cell.

    Values beyond a range count in its outermost cell.
    """
    counts, _, _ = np.histogram2d(
        np.clip(y, *y_range),
        np.clip(x, *x_range),
        bins=cells,
        range=[y_range, x_range],
        weights=weights,
    )
    return counts if weights is not None else counts.astype(np.int32)


def _region(truth: Array, scale: Range) -> NDArray[np.int64]:
    low, high = scale
    return np.clip(((truth - low) / (high - low) * REGIONS).astype(np.int64), 0, REGIONS - 1)


def _grid(x_range: Range, y_range: Range, cells: int) -> dict[str, float]:
    """Where the cells of a heatmap are: the middle of the first, and the step."""
    dx, dy = ((high - low) / cells for low, high in (x_range, y_range))
    return {"x0": x_range[0] + dx / 2, "dx": dx, "y0": y_range[0] + dy / 2, "dy": dy}


def _density(
    counts: Array, x_range: Range, y_range: Range, names: Sequence[str], highest: int
) -> dict[str, Any]:
    """A heatmap of the logarithm of the counts; cells without frames stay blank."""
    with np.errstate(divide="ignore"):
        logarithm = np.where(counts > 0, np.log10(counts), np.nan)
    powers = range(int(np.log10(max(highest, 1))) + 1)
    return {
        **_grid(x_range, y_range, len(counts)),
        "type": "heatmap",
        "z": logarithm,
        "customdata": counts,
        "zmin": 0,
        "zmax": max(float(np.log10(max(highest, 1))), 0.3),
        "colorscale": SCALE,
        "hovertemplate": f"{names[0]} %{{x:.2f}}, {names[1]} %{{y:.2f}}<br>"
        "%{customdata} frames<extra></extra>",
        "colorbar": {
            **_bar("frames"),
            "tickvals": list(powers),
            "ticktext": [f"{10**power:,}" for power in powers],
        },
    }


def _bar(title: str) -> dict[str, Any]:
    return {
        "title": {"text": title, "side": "top", "font": {"size": 12}},
        "thickness": 10,
        "len": 0.75,
        "outlinewidth": 0,
        "tickcolor": "var(--quiet)",
        "tickfont": {"color": "var(--quiet)", "size": 11},
    }


def _cross(x_range: Range, y_range: Range) -> list[dict[str, Any]]:
    """Lines through the middle of both ranges."""
    x, y = (sum(each) / 2 for each in (x_range, y_range))
    line = {"type": "line", "line": {"color": "var(--line)", "width": 1}, "layer": "below"}
    return [
        {**line, "x0": x_range[0], "x1": x_range[1], "y0": y, "y1": y},
        {**line, "x0": x, "x1": x, "y0": y_range[0], "y1": y_range[1]},
    ]


def _region_table(truth: Array, prediction: Array, scale: Range) -> Table:
    """A row per region of the truth."""
    region, edges = _region(truth, scale), np.linspace(*scale, REGIONS + 1)
    rows = [
        _region_row(truth[region == n], prediction[region == n], edges[n : n + 2], decimals(scale))
        for n in range(REGIONS)
    ]
    return Table(["Truth", "Frames", "Mean prediction", "RMSE"], rows)


def _region_row(truth: Array, prediction: Array, edges: Array, digits: int) -> list[str]:
    name = f"{edges[0]:g} to {edges[1]:g}"
    if not truth.size:
        return [name, "0", "", ""]
    error = float(np.sqrt(np.mean((prediction - truth) ** 2)))
    return [name, f"{truth.size:,}", f"{prediction.mean():z.{digits}f}", f"{error:.{digits}f}"]


def _plane_table(error: Array, counts: Array, x_range: Range, y_range: Range) -> Table:
    """Rows from the highest arousal down, as in the picture."""
    x_edges, y_edges = np.linspace(*x_range, REGIONS + 1), np.linspace(*y_range, REGIONS + 1)
    head = ["Arousal \\ valence", *(f"{a:g} to {b:g}" for a, b in pairwise(x_edges))]
    rows = [
        [
            f"{y_edges[row]:g} to {y_edges[row + 1]:g}",
            *(f"{e:.2f}" if n else "" for e, n in zip(error[row], counts[row], strict=True)),
        ]
        for row in reversed(range(REGIONS))
    ]
    return Table(head, rows)

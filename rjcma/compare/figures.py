"""The figures of a comparison: folds, groups, clips, and a clip's two predictions over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rjcma.compare.comparison import Comparison, FoldRow
from rjcma.compare.paired import PER_CLIP, ClipScore, by_group
from rjcma.compare.pairs import Both, Pair
from rjcma.compare.side import Array, Side
from rjcma.pages.figure import Figure, axis, square_axes
from rjcma.pages.site import packed, plotly_text

COLOURS = {"A": "var(--purple)", "B": "var(--green)"}
SYMBOLS = {"A": "circle", "B": "diamond"}
"""Each report has a colour and a symbol, so that neither is needed alone."""

LEGEND = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
TIME = 5e-5
"""Seconds by which the step from frame to frame may differ, where times count as regular (ours)."""


def folds(comparison: Comparison, rows: Sequence[FoldRow]) -> Figure:
    """A and B of each fold and measure, joined by a line."""
    names = [f"{m}, {row.name.lower()}" for m in comparison.measures for row in rows]
    values = {
        letter: [side[m] for m in comparison.measures for row in rows for side in [side_of(row)]]
        for letter, side_of in (("A", lambda row: row.a), ("B", lambda row: row.b))
    }
    joined_x, joined_y = _joined(values["A"], values["B"], names)
    data: list[Mapping[str, Any]] = [
        {
            **{"type": "scatter", "mode": "lines", "x": joined_x, "y": joined_y},
            **{"line": {"color": "var(--line)", "width": 2}, "hoverinfo": "skip"},
            "showlegend": False,
        }
    ]
    data += [_dots(letter, values[letter], names) for letter in "AB"]
    return Figure(
        name="folds",
        title="CCC by fold",
        description="For each target and fold, the CCC of A and of B: the numbers of the table.",
        data=data,
        layout={
            "xaxis": axis("CCC"),
            "yaxis": {"autorange": "reversed", "type": "category"},
            "legend": LEGEND,
        },
        height=90 + 26 * len(names),
    )


def _joined(
    a: Sequence[Any], b: Sequence[Any], names: Sequence[str]
) -> tuple[list[Any], list[Any]]:
    """Lines from A to B, with a gap after each."""
    x: list[Any] = []
    y: list[Any] = []
    for first, second, name in zip(a, b, names, strict=True):
        x += [first, second, None]
        y += [name, name, None]
    return x, y


def _dots(letter: str, x: Sequence[Any], y: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": letter,
        "x": list(x),
        "y": list(y),
        "marker": {"color": COLOURS[letter], "symbol": SYMBOLS[letter], "size": 10},
        "hovertemplate": f"{letter}, %{{y}}: %{{x:.3f}}<extra></extra>",
    }


def groups(comparison: Comparison) -> Figure:
    """B minus A of each group, and the mean over groups, by measure."""
    data: list[Mapping[str, Any]] = []
    for each in [test for test in comparison.tests if test.kind == PER_CLIP]:
        values = by_group(comparison.clips, each.measure)
        data += [
            {
                "type": "scatter",
                "mode": "markers",
                "x": [b - a for a, b in values.values()],
                "y": [each.measure] * len(values),
                "text": [plotly_text(name) for name in values],
                "marker": {"color": "var(--quiet)", "size": 9, "opacity": 0.5},
                "hovertemplate": "%{text}: %{x:+.3f}<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "markers",
                "x": [each.difference],
                "y": [each.measure],
                "marker": {"color": "var(--ink)", "size": 11, "symbol": "diamond"},
                "hovertemplate": "mean of the groups: %{x:+.3f}<extra></extra>",
            },
        ]
    return Figure(
        name="groups",
        title="B minus A, by group",
        description="A dot for each group of clips that belong together: the difference of its"
        " CCC per clip. The diamond is their mean.",
        data=data,
        layout={
            "xaxis": axis(
                "CCC of B minus CCC of A", zeroline=True, zerolinewidth=2, rangemode="tozero"
            ),
            "yaxis": {"autorange": "reversed", "type": "category"},
            "showlegend": False,
        },
        height=90 + 44 * len(comparison.measures),
    )


def clips(comparison: Comparison, target: str) -> Figure:
    """A dot per clip: its CCC in A and in B."""
    known = [score for score in comparison.clips if target in score.a]
    values = [value for score in known for value in (score.a[target], score.b[target])]
    low, high = min([0.0, *values]) - 0.05, max([0.0, *values]) + 0.05
    line = {"color": "var(--line)", "width": 1.5, "dash": "dot"}
    return Figure(
        name=f"clips-{comparison.shared.targets.index(target)}",
        title=target.capitalize(),
        description=f"A dot for each clip: its CCC of {target} in A, across, and in B, up. Above"
        " the dotted line B is better.",
        data=[
            {
                **{"type": "scatter", "mode": "lines", "x": [low, high], "y": [low, high]},
                **{"line": line, "hoverinfo": "skip"},
            },
            {
                "type": "scatter",
                "mode": "markers",
                "x": [score.a[target] for score in known],
                "y": [score.b[target] for score in known],
                "text": [plotly_text(score.clip) for score in known],
                "marker": {"color": [_better(score, target) for score in known], "size": 9},
                "hovertemplate": "%{text}<br>A %{x:.3f}, B %{y:.3f}<extra></extra>",
            },
        ],
        layout={
            **square_axes("CCC in A", "CCC in B", (low, high), (low, high)),
            "showlegend": False,
        },
        square=True,
    )


def _better(score: ClipScore, target: str) -> str:
    return COLOURS["B" if score.b[target] > score.a[target] else "A"]


def traces(pair: Pair, target: str, number: int, side: Side) -> Figure:
    """The labels and both predictions of a clip, over time; `side` has the units of both."""
    both = pair.targets[target]
    styles = {
        "label": {"color": "var(--truth)", "width": 3},
        "A": {"color": COLOURS["A"], "width": 1.8, "dash": "7px,2px"},
        "B": {"color": COLOURS["B"], "width": 1.8},
    }
    series = {"label": both.truth_a, "A": both.a, "B": both.b}
    lines = [
        line
        for name, values in series.items()
        for line in _line(name, side.own(target, values), pair.times, styles[name])
    ]
    low, high = side.range_of(target)
    return Figure(
        name=f"trace-{number}",
        title=target.capitalize(),
        description=f"{target} over time: the labels, the prediction of A and that of B.",
        data=lines,
        layout={
            "xaxis": {"ticksuffix": " s", "range": _span(pair.times)},
            "yaxis": {"range": _padded(low, high, both, target, side), "fixedrange": True},
            "legend": LEGEND,
            "hovermode": "x unified",
        },
        height=300,
    )


def _span(times: Array) -> list[float]:
    return [float(times[0]), float(times[-1])]


def _padded(low: float, high: float, both: Both, target: str, side: Side) -> list[float]:
    """The range of the values that are drawn, within which the target's range always is."""
    seen = side.own(target, np.concatenate([both.a, both.b]))
    low, high = min(low, float(seen.min())), max(high, float(seen.max()))
    return [low - 0.04 * (high - low), high + 0.04 * (high - low)]


def _line(name: str, values: Array, times: Array, style: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line; none if no value is known. Regular times are not stored: that halves the page."""
    if not np.isfinite(values).any():
        return []
    return [
        {
            **{"type": "scatter", "mode": "lines", "name": name, "line": dict(style)},
            **{"y": packed(values), "connectgaps": False, **_places(times)},
            "hovertemplate": "%{y:.3f}",
        }
    ]


def _places(times: Array) -> dict[str, Any]:
    """Where the points are across: the first and the step, if times are regular."""
    steps = np.diff(times)
    if len(steps) and np.allclose(steps, steps.mean(), rtol=0, atol=TIME):
        return {"x0": float(times[0]), "dx": float(steps.mean())}
    return {"x": packed(times)}

"""Figures of training: loss and CCC by epoch, with the epochs at which layers were released."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from rjcma.pages.figure import Figure, Table
from rjcma.pages.palette import colours
from rjcma.scoring.runs import TrainedRun

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""By fold."""

MEASURES = {"ccc": "CCC of the selection clips", "loss": "Training loss (1 − CCC)"}


def figures(runs: Sequence[TrainedRun], targets: Sequence[str], folder: Path) -> list[Figure]:
    """A figure a measure: a line per run, and marks on it. `folder` has the runs of `targets`."""
    own = colours(targets)
    released = {run.name: released_at(folder / run.name / "history.csv") for run in runs}
    return [_figure(measure, title, runs, own, released) for measure, title in MEASURES.items()]


def released_at(path: Path) -> list[int]:
    """The epochs that began with a further group of layers released; none if that is not told."""
    with path.open(newline="") as file:
        rows = [(int(row["epoch"]), row.get("released") or "") for row in csv.DictReader(file)]
    return [epoch for (_, before), (epoch, now) in pairwise(rows) if now != before]


def _figure(
    measure: str,
    title: str,
    runs: Sequence[TrainedRun],
    colour: Mapping[str, str],
    released: Mapping[str, list[int]],
) -> Figure:
    folds = list(dict.fromkeys(run.fold for run in runs))
    dash = {fold: DASHES[number % len(DASHES)] for number, fold in enumerate(folds)}
    data: list[dict[str, Any]] = []
    for run in runs:
        epochs = [int(row["epoch"]) for row in run.history]
        values = [row[measure] for row in run.history]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": run.target,
                "legendgroup": run.target,
                "showlegend": run.fold == runs[0].fold,
                "x": epochs,
                "y": values,
                "text": f"fold {run.fold}",
                "line": {"color": colour[run.target], "width": 1.6, "dash": dash[run.fold]},
                "marker": _marks(run, epochs, released[run.name]),
                "hovertemplate": "%{fullData.name}, %{text}<br>epoch %{x}: %{y:.3f}<extra></extra>",
            }
        )
    if len(folds) > 1:
        data += [_pattern(fold, dash[fold]) for fold in folds]
    return Figure(
        name=f"curves-{measure}",
        title=title,
        description=f"{title} by epoch, a line for each of {len(runs)} runs. The table has the"
        " first, the selected and the last epoch of each.",
        data=data,
        layout={
            "xaxis": {"title": {"text": "epoch"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "CCC" if measure == "ccc" else "loss"}},
            "legend": {"orientation": "h", "y": 1.12, "x": 1, "xanchor": "right"},
            "legend2": {
                **{"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0},
                **{"itemclick": False, "itemdoubleclick": False},
            },
            "showlegend": True,
        },
        height=380,
        table=Table(
            ["Run", "Epochs", "Selected", "First", "At the selected", "Last", "Released at"],
            [_row(run, measure, released[run.name]) for run in runs],
        ),
    )


def _pattern(fold: int, dash: str) -> dict[str, Any]:
    """The line of a fold, in the second legend only."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"fold {fold}",
        "legend": "legend2",
        "x": [None],
        "y": [None],
        "line": {"color": "var(--quiet)", "width": 1.6, "dash": dash},
        "hoverinfo": "skip",
    }


def _marks(run: TrainedRun, epochs: Sequence[int], released: Sequence[int]) -> dict[str, Any]:
    """A star at the selected epoch, a triangle where layers are released, else a dot or nothing."""
    plain = 4 if len(epochs) <= 30 else 0
    symbols, sizes = [], []
    for epoch in epochs:
        star, step = epoch == run.best_epoch, epoch in released
        symbols.append("star" if star else "triangle-up" if step else "circle")
        sizes.append(13 if star else 11 if step else plain)
    return {"symbol": symbols, "size": sizes, "line": {"color": "var(--panel)", "width": 1}}


def _row(run: TrainedRun, measure: str, released: Sequence[int]) -> list[str]:
    by_epoch = {int(row["epoch"]): row[measure] for row in run.history}
    values = list(by_epoch.values())
    numbers = [values[0], by_epoch.get(run.best_epoch, float("nan")), values[-1]] if values else []
    cells = [f"{value:z.3f}" if value == value else "" for value in numbers] or ["", "", ""]
    steps = ", ".join(map(str, released))
    return [run.name, str(len(values)), str(run.best_epoch), *cells, steps]

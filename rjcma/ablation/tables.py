"""An ablation's tables: each row's CCC, its spread, and its paired tests with the reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rjcma.ablation.result import Result
from rjcma.ablation.row_settings import Rows
from rjcma.ablation.rows import Ablation
from rjcma.ablation.statistics import Comparison, Spread, Values, compare, holm, spread
from rjcma.ablation.trials import trial
from rjcma.scoring.settings import Runs
from rjcma.training.sections import Settings

MEAN = "mean"
"""The measure that is the mean of the targets, run by run; the other measures are the targets."""


class Measured(NamedTuple):
    """The results of one row by measure: each target, and their mean."""

    values: dict[str, Values]
    """(F, S): one CCC per fold and seed."""
    videos: dict[str, dict[str, float]]
    """One CCC per validation video: the mean of its clips' CCC over the clips and the seeds."""


class Line(NamedTuple):
    """A row of a table, by measure."""

    name: str
    values: dict[str, Values]
    spreads: dict[str, Spread]
    comparisons: dict[str, Comparison]
    """With the reference (empty for the reference itself); p-values are not corrected."""
    corrected: dict[str, tuple[float, float]]
    """The p-values over runs and over videos, corrected for the rows of the table (Holm)."""


def measured(
    row: Settings,
    results: Mapping[str, Result],
    wanted: Runs,
    seeds: Sequence[int],
    videos: Mapping[str, str],
) -> Measured:
    """A row's results, in order of folds and seeds; `videos` has the video of each clip."""
    values: dict[str, Values] = {}
    by_video: dict[str, dict[str, float]] = {}
    for target in wanted.targets:
        grid = [
            [results[trial("", row, target, fold, seed).name] for seed in seeds]
            for fold in wanted.folds
        ]
        values[target] = np.array([[result.ccc for result in of_fold] for of_fold in grid])
        clips = [pair for of_fold in grid for result in of_fold for pair in result.clips.items()]
        by_video[target] = _means((videos[clip], ccc) for clip, ccc in clips)
    values[MEAN] = np.mean(list(values.values()), axis=0)
    shared = set.intersection(*(set(of_target) for of_target in by_video.values()))
    by_video[MEAN] = _means(
        (name, of_target[name]) for of_target in by_video.values() for name in shared
    )
    return Measured(values, by_video)


def lines(
    name: str,
    ablation: Ablation,
    rows: Rows,
    results: Mapping[str, Result],
    wanted: Runs,
    videos: Mapping[str, str],
) -> list[Line]:
    """The rows of a table in their order, each compared with the table's reference."""
    table = ablation.tables[name]
    by_row = {
        row.name: measured(rows[name, row.name], results, wanted, ablation.seeds, videos)
        for row in table.rows
    }
    compared = {
        row: _compared(own, by_row[table.reference])
        for row, own in by_row.items()
        if row != table.reference
    }
    corrected = _corrected(compared)
    return [
        Line(
            row,
            own.values,
            {measure: spread(values) for measure, values in own.values.items()},
            compared.get(row, {}),
            corrected.get(row, {}),
        )
        for row, own in by_row.items()
    ]


def _compared(row: Measured, reference: Measured) -> dict[str, Comparison]:
    return {
        measure: compare(
            row.values[measure],
            reference.values[measure],
            row.videos[measure],
            reference.videos[measure],
        )
        for measure in row.values
    }


def _corrected(
    compared: Mapping[str, Mapping[str, Comparison]],
) -> dict[str, dict[str, tuple[float, float]]]:
    """The corrected p-values by row and measure; for each measure and test, all rows of the table
    are one family of comparisons."""
    corrected: dict[str, dict[str, tuple[float, float]]] = {row: {} for row in compared}
    for measure in next(iter(compared.values())):
        of_rows = [comparisons[measure] for comparisons in compared.values()]
        pairs = zip(holm([c.p_runs for c in of_rows]), holm([c.p_videos for c in of_rows]))
        for row, pair in zip(compared, pairs, strict=True):
            corrected[row][measure] = pair
    return corrected


def _means(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The mean of each name's values."""
    by_name: dict[str, list[float]] = {}
    for name, value in pairs:
        by_name.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in by_name.items()}

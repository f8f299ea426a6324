"""What an ablation on more videos could show, from the scatter of one that has been run."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from rjcma.ablation.power import LEVEL, POWER, detectable, fewest
from rjcma.ablation.tables import MEAN
from rjcma.problem import Problem
from rjcma.scoring.table import markdown_table

RUNS = "all-runs.csv"
"""The report's list of runs, which is no table."""

WHERE = "an ablation's report"


def planned(report: Path, videos: int, rows: int | None = None) -> str:
    """A line per row of a finished ablation's tables, as Markdown.

    The differences over videos are taken to scatter as in that ablation; `rows` is the number of
    comparisons to be corrected for, None that of each table. Raises `Problem` for a folder without
    such tables.
    """
    header = ["Table", "Row", "Standard deviation", f"{videos} videos show"]
    body = []
    for path in sorted(report.glob("*.csv")):
        if path.name != RUNS:
            found = _deviations(path)
            body += [
                [path.stem, row, f"{std:.3f}", _shown(std, videos, rows or len(found))]
                for row, std in found.items()
            ]
    if not body:
        raise Problem(
            file=report,
            found="no table with differences over videos",
            expected=f"{WHERE}: its tables as CSV, of two validation videos or more",
            cure="run `make ablation`, or name the folder of its report",
        )
    how = (
        f"The difference of the mean CCC that is found with a probability of {POWER:.0%} at level"
        f" {LEVEL:g}, corrected for {'the rows of its table' if rows is None else f'{rows} rows'}."
    )
    return f"{markdown_table([header, *body])}\n\n{how}"


def _shown(deviation: float, videos: int, rows: int) -> str:
    shows = detectable(deviation, videos, rows)
    return f"{shows:.3f}" if shows == shows else f"nothing: at least {fewest(rows)} are needed"


def _deviations(path: Path) -> dict[str, float]:
    """By row, the standard deviation of the differences over videos of the targets' mean."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = [line for line in csv.DictReader(file) if line["measure"] == MEAN]
            found = {line["row"]: line["video_std"] for line in lines}
        deviations = {row: float(std) for row, std in found.items() if std}
    except (KeyError, ValueError, OSError, csv.Error) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    if not all(math.isfinite(std) and std >= 0 for std in deviations.values()):
        raise _damaged(path, "a standard deviation that is no number")
    return deviations


def _damaged(path: Path, found: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected=f"a table of {WHERE}, with the column video_std",
        cure="run `make ablation`, which writes it again; finished runs are kept",
    )

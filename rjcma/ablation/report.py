"""What an ablation found, for readers: tables as Markdown and CSV, all runs, and a picture.

    tables.md     each table's rows, their spread and tests, and below them what all of that means
    <table>.csv   a line a row and measure (each target, and their mean), with every p-value
    all-runs.csv  a line a row and run
    rows.png      a dot a run, with each row's mean and its interval

The files depend on the runs alone: a second writing gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from rjcma.ablation import plot
from rjcma.ablation.result import Result
from rjcma.ablation.row_settings import Rows
from rjcma.ablation.rows import Ablation
from rjcma.ablation.statistics import LEVEL, Comparison, Spread, smallest_p
from rjcma.ablation.tables import MEAN, Line, lines
from rjcma.ablation.trials import trial
from rjcma.jobs import files
from rjcma.manifest import Clip
from rjcma.scoring.settings import Runs
from rjcma.scoring.table import markdown_table

COLUMNS = (
    *("row", "measure", "mean", "std_folds", "std_seeds", "low", "high"),
    *("difference", "difference_low", "difference_high", "folds_better", "folds"),
    *("run_pairs", "p_runs", "p_runs_holm", "video_pairs", "p_videos", "p_videos_holm"),
)
"""Of a table's CSV."""


class Study(NamedTuple):
    """What is reported."""

    ablation: Ablation
    rows: Rows
    wanted: Runs
    clips: Sequence[Clip]
    results: Mapping[str, Result]

    def lines(self, table: str) -> list[Line]:
        """A table's rows."""
        videos = {clip.name: clip.video for clip in self.clips}
        return lines(table, self.ablation, self.rows, self.results, self.wanted, videos)


def write(study: Study, folder: Path) -> None:
    """Write the report. An earlier one's files may be links into a cache: they are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [p for pattern in ("*.md", "*.csv", "*.png") for p in folder.glob(pattern)]:
        path.unlink()
    tables = {name: study.lines(name) for name in study.ablation.tables}
    (folder / "tables.md").write_text(markdown(study, tables))
    for name, of_table in tables.items():
        (folder / f"{name}.csv").write_text(csv_text(of_table, len(study.wanted.folds)))
    (folder / "all-runs.csv").write_text(runs_text(study))
    panels = [
        plot.Panel(table.about, table.reference, tables[name])
        for name, table in study.ablation.tables.items()
    ]
    plot.draw(panels, study.wanted.targets, folder / "rows.png")


def markdown(study: Study, tables: Mapping[str, Sequence[Line]]) -> str:
    """All tables under their headings, and what their numbers mean."""
    parts = []
    for name, of_table in tables.items():
        header = ["Row", *(measure.capitalize() for measure in of_table[0].values)]
        header += ["Difference", "Folds", "p, runs", "p, videos"]
        body = [_cells(line, len(study.wanted.folds)) for line in of_table]
        parts += [f"## {study.ablation.tables[name].about}", markdown_table([header, *body])]
    some = next(line.comparisons[MEAN] for line in next(iter(tables.values())) if line.comparisons)
    notes = "\n".join(f"- {note}" for note in _notes(study, some))
    return "\n\n".join([*parts, "## What the numbers are", notes]) + "\n"


def csv_text(of_table: Sequence[Line], folds: int) -> str:
    """All numbers of a table; nothing stands where there is no comparison or no spread."""
    rows = [
        [line.name, measure, *_numbers(line, measure, folds)]
        for line in of_table
        for measure in line.values
    ]
    return files.csv_text([COLUMNS, *rows])


def runs_text(study: Study) -> str:
    """`table,row,target,fold,seed,ccc,best_epoch,epochs`: a run stands in every row it serves."""
    rows: list[Sequence[object]] = [
        ("table", "row", "target", "fold", "seed", "ccc", "best_epoch", "epochs")
    ]
    for (table, row), settings in study.rows.items():
        order = product(study.wanted.targets, study.wanted.folds, study.ablation.seeds)
        for target, fold, seed in order:
            result = study.results[trial(row, settings, target, fold, seed).name]
            reached = (f"{result.ccc:z.6f}", result.best_epoch, result.epochs)
            rows.append((table, row, target, fold, seed, *reached))
    return files.csv_text(rows)


def _cells(line: Line, folds: int) -> list[str]:
    cells = [line.name, *map(_spread, line.spreads.values())]
    if MEAN not in line.comparisons:
        return [*cells, "reference", "", "", ""]
    found, corrected = line.comparisons[MEAN], line.corrected[MEAN]
    return [
        *cells,
        _difference(found.difference),
        f"{found.better} of {folds}",
        *map(_p, corrected),
    ]


def _spread(found: Spread) -> str:
    shown = [f" ± {value:.3f}" for value in (found.folds, found.seeds) if value == value]
    return f"{found.mean:z.3f}" + "".join(shown)


def _difference(found: Spread) -> str:
    interval = "" if found.low != found.low else f" [{found.low:+z.3f}, {found.high:+z.3f}]"
    return f"{found.mean:+z.3f}{interval}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _notes(study: Study, some: Comparison) -> list[str]:
    """What the numbers are, and what they can and cannot show; `some` comparison has the pairs."""
    wanted, seeds = study.wanted, study.ablation.seeds
    targets, folds = len(wanted.targets), len(wanted.folds)
    scatter = ["standard deviation of the folds' means"] * (folds > 1)
    scatter += ["of runs about their fold's mean"] * (len(seeds) > 1)
    again = f", with its {LEVEL:.0%} interval for training again on these folds"
    return [
        f"Runs a row: {targets * folds * len(seeds)} ({_count(targets, 'target')},"
        f" {_count(folds, 'fold')}, {_count(len(seeds), 'seed')}). CCC is that of a fold's"
        " validation clips, over their labelled frames concatenated.",
        _selected(study),
        f"{' ± '.join(['Mean', *scatter])}.",
        "Difference: of the mean CCC from the reference's, run by run of the same fold and seed"
        + (again if len(seeds) > 1 else "")
        + ". Folds: in how many the row is better.",
        *_tests(some),
    ]


def _tests(some: Comparison) -> list[str]:
    return [
        "p, runs: would training again on this corpus, divided as it is, tell the same? Two-sided"
        f" permutation test by the signs of n = {some.runs} differences of the mean CCC, one a fold"
        " and seed; folds are held fixed, so it says nothing of other people.",
        f"p, videos: would other people's videos? The same test by n = {some.videos} differences,"
        " one a validation video: its clips' own CCC, averaged over targets and seeds first, since"
        " seeds of one fold share its clips and are no independent pairs. Videos of one fold are"
        " still judged by the same networks, so it is slightly anti-conservative.",
        "Both p are corrected for the number of comparisons in their table (Holm). Before that they"
        f" cannot be below {smallest_p(some.runs):.2g} and {smallest_p(some.videos):.2g}: that is"
        " how few pairs there are.",
    ]


def _selected(study: Study) -> str:
    """What selected the epochs, which decides whether the numbers are optimistic."""
    if {settings.training.select_by for settings in study.rows.values()} == {"held_out"}:
        return (
            "Epochs were selected on training videos held out from training; the validation clips"
            " reported here selected nothing."
        )
    return (
        "Epochs were selected, in some rows at least, on the validation clips reported here, so CCC"
        " is too high: set training.select_by to held_out to compare rows."
    )


def _count(number: int, name: str) -> str:
    return f"{number} {name}" + "s" * (number > 1)


def _numbers(line: Line, measure: str, folds: int) -> list[str]:
    """A row's cells of the CSV, from its mean on."""
    cells = _written(*line.spreads[measure])
    if measure not in line.comparisons:
        return cells + [""] * (len(COLUMNS) - 2 - len(cells))
    found, (p_runs, p_videos) = line.comparisons[measure], line.corrected[measure]
    difference = found.difference
    return [
        *cells,
        *_written(difference.mean, difference.low, difference.high),
        *map(str, (found.better, folds, found.runs)),
        *_written(found.p_runs, p_runs),
        str(found.videos),
        *_written(found.p_videos, p_videos),
    ]


def _written(*values: float) -> list[str]:
    return ["" if value != value else f"{value:z.6f}" for value in values]

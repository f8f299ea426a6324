"""The report of an ablation: tables as Markdown and CSV, all runs, and a picture.

    tables.md     each table's rows, their spread and tests, and below them an explanation
    <table>.csv   one line per row and measure (each target, and their mean), with every p-value
    all-runs.csv  one line per row and run
    rows.png      one dot per run, with each row's mean and its interval

The files depend only on the runs: writing them again gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from rjcma.ablation import plot, power
from rjcma.ablation.result import Result
from rjcma.ablation.row_settings import Rows
from rjcma.ablation.rows import Ablation
from rjcma.ablation.statistics import LEVEL, Comparison, Spread
from rjcma.ablation.tables import MEAN, Line, lines
from rjcma.ablation.trials import trial
from rjcma.jobs import files
from rjcma.manifest import Clip
from rjcma.scoring.permutation import smallest_p
from rjcma.scoring.settings import Runs
from rjcma.scoring.table import markdown_table

COLUMNS = (
    *("row", "measure", "mean", "std_folds", "std_seeds", "low", "high"),
    *("difference", "difference_low", "difference_high", "folds_better", "folds"),
    *("run_pairs", "p_runs", "p_runs_holm", "video_pairs", "p_videos", "p_videos_holm"),
    *("video_difference", "video_low", "video_high", "video_std", "shows", "videos_needed"),
)
"""The columns of a table's CSV."""


class Study(NamedTuple):
    """What is reported."""

    ablation: Ablation
    rows: Rows
    wanted: Runs
    clips: Sequence[Clip]
    results: Mapping[str, Result]

    def lines(self, table: str) -> list[Line]:
        """The rows of a table."""
        videos = {clip.name: clip.video for clip in self.clips}
        return lines(table, self.ablation, self.rows, self.results, self.wanted, videos)


WRITTEN = ("*.md", "*.csv", "*.png")
"""Patterns of the names of all files of a report."""


def write(study: Study, folder: Path) -> None:
    """Write the report. An earlier one is removed first: its files may be links into a cache."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [p for pattern in WRITTEN for p in folder.glob(pattern)]:
        path.unlink()
    tables = {name: study.lines(name) for name in study.ablation.tables}
    (folder / "tables.md").write_text(markdown(study, tables))
    for name, table_lines in tables.items():
        (folder / f"{name}.csv").write_text(csv_text(table_lines, len(study.wanted.folds)))
    (folder / "all-runs.csv").write_text(runs_text(study))
    panels = [
        plot.Panel(table.about, table.reference, tables[name])
        for name, table in study.ablation.tables.items()
    ]
    plot.draw(panels, study.wanted.targets, folder / "rows.png")


def markdown(study: Study, tables: Mapping[str, Sequence[Line]]) -> str:
    """All tables under their headings, and an explanation of their numbers."""
    parts = []
    for name, table_lines in tables.items():
        header = ["Row", *(measure.capitalize() for measure in table_lines[0].values)]
        header += ["Difference", "Folds", "p, runs", "p, videos"]
        body = [_cells(line, len(study.wanted.folds)) for line in table_lines]
        about = study.ablation.tables[name].about
        parts += [f"## {about}", markdown_table([header, *body])]
        parts += [f"## {about}: over videos", _over_videos(table_lines)]
    first_table = next(iter(tables.values()))
    example = next(line.comparisons[MEAN] for line in first_table if line.comparisons)
    notes = "\n".join(f"- {note}" for note in _notes(study, example))
    return "\n\n".join([*parts, "## What the numbers are", notes]) + "\n"


def _over_videos(table_lines: Sequence[Line]) -> str:
    """What a table's rows differ by over videos, and what so many videos can show."""
    header = ["Row", "Difference", "p, videos", "These videos show", "It would take"]
    compared = [line for line in table_lines if MEAN in line.comparisons]
    body = []
    for line in compared:
        found = line.comparisons[MEAN].over_videos
        shows, videos = power.of(line.comparisons[MEAN], len(compared))
        between = "" if found.low != found.low else f" [{found.low:+z.3f}, {found.high:+z.3f}]"
        body.append(
            [
                line.name,
                f"{found.mean:+z.3f}{between}",
                _p(line.corrected[MEAN][1]),
                "" if shows != shows else f"{shows:.3f}",
                "" if videos is None else f"{videos:,} videos",
            ]
        )
    return markdown_table([header, *body])


def csv_text(table_lines: Sequence[Line], folds: int) -> str:
    """All numbers of a table; cells without a comparison or a spread are empty."""
    compared = sum(bool(line.comparisons) for line in table_lines)
    rows = [
        [line.name, measure, *_numbers(line, measure, folds, compared)]
        for line in table_lines
        for measure in line.values
    ]
    return files.csv_text([COLUMNS, *rows])


def runs_text(study: Study) -> str:
    """`table,row,target,fold,seed,ccc,best_epoch,epochs`: a run is in every row that uses it."""
    rows: list[Sequence[object]] = [
        ("table", "row", "target", "fold", "seed", "ccc", "best_epoch", "epochs")
    ]
    for (table, row), settings in study.rows.items():
        order = product(study.wanted.targets, study.wanted.folds, study.ablation.seeds)
        for target, fold, seed in order:
            result = study.results[trial(row, settings, target, fold, seed).name]
            numbers = (f"{result.ccc:z.6f}", result.best_epoch, result.epochs)
            rows.append((table, row, target, fold, seed, *numbers))
    return files.csv_text(rows)


def _cells(line: Line, folds: int) -> list[str]:
    cells = [line.name, *map(_spread, line.spreads.values())]
    if MEAN not in line.comparisons:
        return [*cells, "reference", "", "", ""]
    comparison, corrected = line.comparisons[MEAN], line.corrected[MEAN]
    return [
        *cells,
        _difference(comparison.difference),
        f"{comparison.better} of {folds}",
        *map(_p, corrected),
    ]


def _spread(spread: Spread) -> str:
    deviations = [f" ± {std:.3f}" for std in (spread.folds, spread.seeds) if std == std]
    return f"{spread.mean:z.3f}" + "".join(deviations)


def _difference(spread: Spread) -> str:
    interval = "" if spread.low != spread.low else f" [{spread.low:+z.3f}, {spread.high:+z.3f}]"
    return f"{spread.mean:+z.3f}{interval}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _notes(study: Study, example: Comparison) -> list[str]:
    """What the numbers show, and what they do not; `example` has the numbers of pairs."""
    wanted, seeds = study.wanted, study.ablation.seeds
    targets, folds = len(wanted.targets), len(wanted.folds)
    scatter = ["standard deviation of the folds' means"] * (folds > 1)
    scatter += ["of runs about their fold's mean"] * (len(seeds) > 1)
    again = f", with its {LEVEL:.0%} interval for training again on these folds"
    return [
        f"Runs per row: {targets * folds * len(seeds)} ({_count(targets, 'target')},"
        f" {_count(folds, 'fold')}, {_count(len(seeds), 'seed')}). The CCC of a run is that of its"
        " fold's validation clips, over all their labelled frames, concatenated.",
        _selected(study),
        f"{' ± '.join(['Mean', *scatter])}.",
        "Difference: the row's mean CCC minus the reference's, over pairs of runs of the same fold"
        " and seed" + (again if len(seeds) > 1 else "") + ". Folds: the number of folds in which"
        " the row is better.",
        *_tests(example),
    ]


def _tests(example: Comparison) -> list[str]:
    return [
        "p, runs: would the result be the same if the networks were trained again on this corpus,"
        " with these folds? Two-sided permutation test on the signs of"
        f" n = {example.runs} differences of the mean CCC, one per fold and seed. The folds are"
        " held fixed, so it says nothing about other people.",
        "p, videos: would the result be the same with videos of other people? The same test on"
        f" n = {example.videos} differences, one per validation video: the CCC of its clips,"
        " averaged over targets and seeds first, because seeds of one fold have the same clips and"
        " are not independent. Videos of one fold are still judged by the same networks, so the"
        " test is slightly anti-conservative.",
        "Over videos: the difference is the mean of these differences over videos, with its"
        f" {LEVEL:.0%} interval for other videos. These videos show: the smallest difference that"
        f" is found with a probability of {power.POWER:.0%}, given how much this row's differences"
        " scatter, after the correction; empty if so few videos can show none. It would take: so"
        " many videos to find the difference that was measured, if it is the true one; empty if not"
        " even a million would. Both count on many videos: with ten or so, somewhat less is found.",
        "Both p are corrected for the number of comparisons in their table (Holm). Before the"
        f" correction they cannot be below {smallest_p(example.runs):.2g} and"
        f" {smallest_p(example.videos):.2g}, because there are so few pairs.",
    ]


def _selected(study: Study) -> str:
    """How epochs were selected, which decides whether the CCC is too high."""
    if {settings.training.select_by for settings in study.rows.values()} == {"held_out"}:
        return (
            "Epochs were selected on training videos held out from training, not on the validation"
            " clips reported here."
        )
    return (
        "Epochs were selected, in some rows at least, on the validation clips reported here, so CCC"
        " is too high: set training.select_by to held_out to compare rows."
    )


def _count(number: int, name: str) -> str:
    return f"{number} {name}" + "s" * (number > 1)


def _numbers(line: Line, measure: str, folds: int, compared: int) -> list[str]:
    """A row's cells of the CSV, from its mean to the last column; `compared` rows share a table."""
    cells = _formatted(*line.spreads[measure])
    if measure not in line.comparisons:
        return cells + [""] * (len(COLUMNS) - 2 - len(cells))
    comparison, (p_runs, p_videos) = line.comparisons[measure], line.corrected[measure]
    difference, over = comparison.difference, comparison.over_videos
    shows, videos = power.of(comparison, compared)
    return [
        *cells,
        *_formatted(difference.mean, difference.low, difference.high),
        *map(str, (comparison.better, folds, comparison.runs)),
        *_formatted(comparison.p_runs, p_runs),
        str(comparison.videos),
        *_formatted(comparison.p_videos, p_videos),
        *_formatted(over.mean, over.low, over.high, over.deviation, shows),
        "" if videos is None else str(videos),
    ]


def _formatted(*values: float) -> list[str]:
    return ["" if value != value else f"{value:z.6f}" for value in values]

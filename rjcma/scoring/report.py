"""The report, `data/report`, from the trained runs: numbers, tables, traces, pictures.

The files depend only on the runs and the labels: writing them again gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.corpus import labels
from rjcma.corpus.labels import Ranges, in_own_units
from rjcma.jobs.files import csv_text
from rjcma.jobs.inputs import digest_inputs
from rjcma.manifest import Clip
from rjcma.problem import Problem, Problems
from rjcma.scoring import conventions, listing, table, trace_plots
from rjcma.scoring.dvc_template import template
from rjcma.scoring.metrics import Score, score_run, summary
from rjcma.scoring.predictions import (
    held_out,
    of_fold,
    trace_columns,
    write_frames,
    write_submission,
)
from rjcma.scoring.runs import CURVES, TrainedRun
from rjcma.scoring.trace_plots import Trace

Array = NDArray[Any]


class Results(NamedTuple):
    """What is reported."""

    clips: Sequence[Clip]
    ranges: Ranges
    """The targets of the corpus and their ranges."""
    truth: Mapping[str, Mapping[str, Array]]
    """By target and clip, (T,); NaN where unlabelled, so all NaN for a test clip."""
    runs: Sequence[TrainedRun]

    def scores(self) -> dict[str, dict[int, Score]]:
        """By target and fold. Raises `Problems`, one line per fold that cannot be scored."""
        scores: dict[str, dict[int, Score]] = {t: {} for t in self.targets}
        problems = []
        for run in self.runs:
            try:
                scores[run.target][run.fold] = score_run(run, self.truth[run.target])
            except Problem as problem:
                problems.append(problem)
        if problems:
            raise Problems(problems)
        return scores

    def by_convention(self) -> dict[str, dict[str, dict[int, float]]]:
        """The CCC of each run by other conventions: by convention, target and fold."""
        found: dict[str, dict[str, dict[int, float]]] = {
            name: {target: {} for target in self.targets} for name in conventions.CONVENTIONS
        }
        for run in self.runs:
            for name, value in conventions.score_run(run, self.truth[run.target]).items():
                found[name][run.target][run.fold] = value
        return found

    @property
    def targets(self) -> list[str]:
        """The targets that were run, in the order of the corpus."""
        run = {run.target for run in self.runs}
        return [target for target in self.ranges if target in run]

    def traces(self) -> list[Trace]:
        """Each clip's truth, and the prediction of the runs that were not trained on the clip."""
        return [
            Trace(
                clip=clip.name,
                origin=self._origin(clip),
                times=clip.frame_times(),
                targets=tuple(self.ranges),
                prediction=held_out(self.runs, clip, list(self.ranges)),
                truth=np.column_stack([self.truth[t][clip.name] for t in self.ranges]),
            )
            for clip in self.clips
        ]

    def _origin(self, clip: Clip) -> str:
        folds = sorted({run.fold for run in self.runs if clip.name not in run.train})
        if not folds:
            return "none (all runs were trained on this clip)"
        return f"fold {folds[0]}" if len(folds) == 1 else f"mean of {len(folds)} folds"


def read_truth(folder: Path, clips: Iterable[Clip]) -> dict[str, dict[str, Array]]:
    """The labels of all clips by target and clip, (T,) each; all NaN for test clips.

    Raises `Problems`, one line per clip whose labels are missing or do not fit the clip.
    """
    truth: dict[str, dict[str, Array]] = {target: {} for target in labels.ranges(folder)}
    problems = []
    for clip in clips:
        try:
            for target, of_clips in truth.items():
                of_clips[clip.name] = labels.of_target(folder, clip, target)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise Problems(problems)
    return truth


def write(results: Results, folder: Path) -> None:
    """Write the report. It replaces an earlier one; other files in the folder are not touched."""
    scores = results.scores()
    _clear(folder)
    (folder / "metrics.json").write_text(json.dumps(summary(scores), indent=2) + "\n")
    (folder / "table.csv").write_text(table.csv_text(scores, results.by_convention()))
    (folder / "table.md").write_text(table.markdown(scores))
    (folder / "curves.csv").write_text(_curves(results.runs))
    listed = listing.listing(results.clips, results.ranges, results.runs)
    listing.write(folder / listing.FILE, listed)
    write_submission(folder / "submission.csv", results.runs, results.clips, results.ranges)
    _write_predictions(results, folder / "predictions")
    (folder / "traces.json").write_text(template(list(results.ranges)))
    traces = results.traces()
    _write_traces(results.clips, traces, folder / "traces")
    trace_plots.draw(traces, folder / "pictures")


def digests(runs: Iterable[TrainedRun], folder: Path) -> dict[str, str]:
    """The digests of the files that were read of each run, by their paths in the folder of runs."""
    names = [f"{run.name}/{name}" for run in runs for name in OF_RUN]
    return dict(zip(names, digest_inputs([folder / name for name in names]), strict=True))


FILES = (
    *("metrics.json", "table.csv", "table.md", "curves.csv", "submission.csv", "traces.json"),
    listing.FILE,
)
FOLDERS = ("predictions", "traces", "pictures")
OF_RUN = ("history.csv", "predictions.h5", "run.json")


def _clear(folder: Path) -> None:
    """Remove an earlier report: its files may be links into DVC's cache, so none is overwritten."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        (folder / name).mkdir(parents=True)


def _curves(runs: Iterable[TrainedRun]) -> str:
    """The training curves of all runs: `run,target,fold` and the columns of their histories."""
    rows: list[list[object]] = [["run", "target", "fold", *CURVES]]
    for run in runs:
        for epoch in run.history:
            values = [f"{epoch['epoch']:.0f}", f"{epoch['loss']:z.6f}", f"{epoch['ccc']:z.6f}"]
            learning_rate = f"{epoch['learning_rate']:.4e}"
            rows.append([run.name, run.target, run.fold, *values, learning_rate])
    return csv_text(rows)


def _write_predictions(results: Results, folder: Path) -> None:
    for fold in sorted({run.fold for run in results.runs}):
        (folder / f"fold{fold}").mkdir()
        for clip in results.clips:
            series = of_fold(results.runs, fold, clip, list(results.ranges))
            path = folder / f"fold{fold}" / f"{clip.name}.csv"
            scales = zip(results.ranges.items(), series.T, strict=True)
            columns = [(target, in_own_units(values, scale)) for (target, scale), values in scales]
            write_frames(path, clip, columns)


def _write_traces(clips: Iterable[Clip], traces: Iterable[Trace], folder: Path) -> None:
    for clip, trace in zip(clips, traces, strict=True):
        names = trace_columns(trace.targets)
        columns = zip(names, [*trace.prediction.T, *trace.truth.T], strict=True)
        write_frames(folder / f"{clip.name}.csv", clip, list(columns))

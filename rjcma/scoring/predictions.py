"""Predictions per frame: of one fold, and of the runs that were not trained on the clip."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rjcma.corpus.labels import Ranges, in_own_units
from rjcma.jobs.files import csv_text
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.scoring.runs import TrainedRun

Array = NDArray[Any]

TRUTH = "_truth"


def trace_columns(targets: Sequence[str]) -> list[str]:
    """The columns of traces/<clip>.csv after frame and time.

    >>> trace_columns(["valence", "arousal"])
    ['valence', 'arousal', 'valence_truth', 'arousal_truth']
    """
    return [*targets, *(f"{target}{TRUTH}" for target in targets)]


def of_fold(runs: Iterable[TrainedRun], fold: int, clip: Clip, targets: Sequence[str]) -> Array:
    """The predictions of a fold's runs for the clip, (T, targets); NaN for a target not run."""
    return _mean([run for run in runs if run.fold == fold], clip, targets)


def held_out(runs: Iterable[TrainedRun], clip: Clip, targets: Sequence[str]) -> Array:
    """The mean prediction of the runs that were not trained on the clip, (T, targets).

    For a clip with labels these are the runs of the fold that validates on it, for a test clip the
    runs of all folds. NaN if every run of a target was trained on the clip, as may happen when only
    some folds are run.
    """
    return _mean([run for run in runs if clip.name not in run.train], clip, targets)


def _mean(runs: Sequence[TrainedRun], clip: Clip, targets: Sequence[str]) -> Array:
    result = np.full((clip.frames, len(targets)), np.nan)
    for column, target in enumerate(targets):
        series = [run.predictions[clip.name] for run in runs if run.target == target]
        if series:
            result[:, column] = np.mean(series, axis=0, dtype=np.float64)
    return result


def write_frames(path: Path, clip: Clip, columns: Sequence[tuple[str, Array]]) -> None:
    """Write a clip's CSV: `frame,time` and the columns, (T,) each; NaN becomes an empty cell.

    Frames are counted from 0, times are in seconds; frame k is `<k + 1>.jpg` in the face folder.
    """
    cells = [formatted(clip.frame_times()), *(formatted(values) for _, values in columns)]
    header = ["frame", "time", *(name for name, _ in columns)]
    rows = zip(range(clip.frames), *cells, strict=True)
    path.write_text(csv_text([header, *rows]))


def read_trace(path: Path, clip: Clip) -> tuple[tuple[str, ...], Array, Array]:
    """Targets, prediction and truth, (T, targets) each, of a trace; empty cells are NaN.

    Raises `Problem` if the file is missing or does not fit the clip.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            names = (reader.fieldnames or [])[2:]
            rows = [[float(row[name] or "nan") for name in names] for row in reader]
        targets = tuple(name for name in names if not name.endswith(TRUTH))
        if list(names) != trace_columns(targets) or not targets:
            raise _problem(path, clip, f"the columns {', '.join(names)}")
        values = np.array(rows)
    except FileNotFoundError:
        raise _problem(path, clip, "no such file") from None
    except (ValueError, KeyError, TypeError) as error:
        raise _problem(path, clip, f"{type(error).__name__}: {error}") from None
    if len(rows) != clip.frames:
        raise _problem(path, clip, f"{len(rows)} rows")
    return targets, values[:, : len(targets)], values[:, len(targets) :]


def _problem(path: Path, clip: Clip, found: str) -> Problem:
    return Problem(
        clip=clip.name,
        file=path,
        found=found,
        expected=f"a CSV with a row of numbers for each of the clip's {clip.frames} frames",
        cure="run `dvc repro`, which writes the report again",
    )


def write_submission(
    path: Path, runs: Sequence[TrainedRun], clips: Iterable[Clip], ranges: Ranges
) -> None:
    """Write the challenge's file: `image_location,<target>,…` of all frames of test clips.

    Values are the mean over folds, clipped to [-1, 1] and then in the corpus's own units; frame k
    is `<clip>/<k + 1>.jpg`.
    """
    rows: list[Iterable[object]] = [["image_location", *ranges]]
    for clip in clips:
        if clip.partition == "test":
            images = (f"{clip.name}/{frame:05d}.jpg" for frame in range(1, clip.frames + 1))
            values = np.clip(held_out(runs, clip, list(ranges)), -1, 1)
            columns = zip(values.T, ranges.values(), strict=True)
            cells = [formatted(in_own_units(column, scale)) for column, scale in columns]
            rows += zip(images, *cells, strict=True)
    path.write_text(csv_text(rows))


def formatted(values: Array) -> list[str]:
    """Numbers with six decimals; NaN as an empty text.

    >>> formatted(np.array([0.25, np.nan, -1e-9]))
    ['0.250000', '', '0.000000']
    """
    return [f"{v:z.6f}" if v == v else "" for v in values.tolist()]

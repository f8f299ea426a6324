"""Trained runs, one per target and fold, read from their folders and checked against the corpus.

run.json        target, fold, names of the training and the validation clips, best epoch
history.csv     one row per epoch
predictions.h5  a dataset (T,) for every clip of the manifest
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from rjcma.jobs.files import read_json
from rjcma.manifest import Clip
from rjcma.problem import Problem, Problems
from rjcma.scoring.settings import Runs

CURVES = ("epoch", "loss", "ccc", "learning_rate")
"""The columns of history.csv that a report shows."""

_AGAIN = "run `dvc repro`, which trains this run again; if it does not, delete the file first"


class TrainedRun(NamedTuple):
    """The trained run of one target and fold."""

    target: str
    fold: int
    train: frozenset[str]
    validation: tuple[str, ...]
    history: list[dict[str, float]]
    """One item per epoch, with the keys `CURVES`."""
    best_epoch: int
    predictions: Mapping[str, NDArray[np.float32]]
    """By clip, (T,)."""
    delay: float = 0.0
    """Seconds by which its training labels were taken to lag."""

    @property
    def name(self) -> str:
        return f"{self.target}-{self.fold}"


def read(folder: Path, wanted: Runs, clips: Sequence[Clip]) -> list[TrainedRun]:
    """The runs that `wanted` names, by fold and target, from `folder/<target>-<fold>/`.

    Raises `Problems`, one line each, for runs that are missing, unfinished or of another corpus,
    and for targets whose folds have different clips.
    """
    runs, problems = [], []
    for fold, target in product(wanted.folds, wanted.targets):
        try:
            runs.append(read_run(folder / f"{target}-{fold}", target, fold, clips))
        except Problem as problem:
            problems.append(problem)
        except Problems as several:
            problems.extend(several.problems)
    problems += _disagreements(folder, runs)
    if problems:
        raise Problems(problems)
    return runs


def stale_runs(folder: Path, wanted: Runs) -> list[str]:
    """Names of the runs in `folder` that `wanted` does not name: left from earlier settings."""
    names = {f"{target}-{fold}" for target, fold in product(wanted.targets, wanted.folds)}
    return sorted(
        path.parent.name for path in folder.glob("*/run.json") if path.parent.name not in names
    )


def read_run(folder: Path, target: str, fold: int, clips: Sequence[Clip]) -> TrainedRun:
    """The run in this folder. Raises `Problem` or `Problems` as `read` does."""
    metadata = _metadata(folder / "run.json", target, fold, {clip.name for clip in clips})
    history = _history(folder / "history.csv")
    predictions = _predictions(folder / "predictions.h5", clips)
    train, validation = frozenset(metadata["train"]), tuple(metadata["validation"])
    best = metadata["best_epoch"]
    delay = float(metadata.get("delay", 0.0))
    return TrainedRun(target, fold, train, validation, history, best, predictions, delay)


def _metadata(path: Path, target: str, fold: int, names: Collection[str]) -> dict[str, Any]:
    """The content of run.json, if it has this target and fold and only clips of the manifest."""
    if not path.is_file():
        raise _unfinished(path)
    keys = "target, fold, train, validation and best_epoch"
    expected = f"a JSON object with {keys}"
    metadata = read_json(path, expected=expected, cure=_AGAIN)
    try:
        run, _ = (metadata["target"], metadata["fold"]), int(metadata["best_epoch"])
        used = [*metadata["train"], *metadata["validation"]]
        float(metadata.get("delay", 0.0))
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise Problem(file=path, found=found, expected=expected, cure=_AGAIN) from None
    if run != (target, fold):
        found, expected = f"the run {run[0]}-{run[1]}", f"{target}-{fold}, the name of its folder"
        raise Problem(file=path, found=found, expected=expected, cure=_AGAIN)
    if unknown := [name for name in used if name not in names]:
        found = "a clip that is not in the manifest" + _and_more(unknown)
        expected = "a run on the clips of this manifest"
        raise Problem(clip=unknown[0], file=path, found=found, expected=expected, cure=_AGAIN)
    return metadata


def _history(path: Path) -> list[dict[str, float]]:
    try:
        with path.open(newline="") as file:
            history = [_epoch(row) for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise _unfinished(path) from None
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        expected = f"the columns {', '.join(CURVES)} with finite numbers in them"
        raise Problem(file=path, found=found, expected=expected, cure=_AGAIN) from None
    return history


def _epoch(row: Mapping[str, str]) -> dict[str, float]:
    """A row of numbers. Raises `ValueError`, `KeyError` or `TypeError` for one that is not so."""
    values = {key: float(row[key]) for key in CURVES}
    for key, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{key} is {value} in epoch {row['epoch']}")
    return values


def _predictions(path: Path, clips: Sequence[Clip]) -> dict[str, NDArray[np.float32]]:
    """The predictions of every clip. Raises `Problems` for clips whose predictions do not fit."""
    try:
        with h5py.File(path, "r") as file:
            stored = {name: np.asarray(file[name], np.float32) for name in file}
    except FileNotFoundError:
        raise _unfinished(path) from None
    except OSError as error:
        reason = str(error).split("(")[-1].rstrip(")")
        found, expected = f"unreadable HDF5 ({reason})", "a dataset of predictions per clip"
        raise Problem(file=path, found=found, expected=expected, cure=_AGAIN) from None
    problems = [
        Problem(clip=clip.name, file=path, found=found, expected=expected, cure=_AGAIN)
        for clip in clips
        if (found := _misfit(stored.get(clip.name), clip))
        for expected in [f"a finite number for each of the clip's {clip.frames} frames"]
    ]
    if problems:
        raise Problems(problems)
    return stored


def _misfit(predictions: NDArray[np.float32] | None, clip: Clip) -> str:
    if predictions is None:
        return "no predictions"
    if predictions.shape != (clip.frames,):
        return f"predictions of the shape {predictions.shape}"
    bad = np.count_nonzero(~np.isfinite(predictions))
    return f"{bad} predictions that are not finite" if bad else ""


def _disagreements(folder: Path, runs: Sequence[TrainedRun]) -> list[Problem]:
    """Runs of one fold that do not validate on the same clips."""
    first: dict[int, TrainedRun] = {}
    problems = []
    for run in runs:
        other = first.setdefault(run.fold, run)
        differing = sorted(set(run.validation) ^ set(other.validation))
        if differing:
            found = f"other clips in fold {run.fold} than in {other.name}" + _and_more(differing)
            expected = "the same validation clips for both targets"
            file = folder / run.name / "run.json"
            problems.append(
                Problem(clip=differing[0], file=file, found=found, expected=expected, cure=_AGAIN)
            )
    return problems


def _and_more(names: Sequence[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _unfinished(path: Path) -> Problem:
    found = "no such file" if path.parent.is_dir() else "no such run"
    return Problem(
        file=path,
        found=found,
        expected="a finished run for each of runs.targets and runs.folds",
        cure="run `dvc repro`, or list only trained runs in the section runs",
    )

"""An ablation's training runs: every row, seed, target and fold, each trained once and remembered.

A run leaves one small JSON file, which is all that tables need of it; its weights are not kept.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from rjcma import clipwise
from rjcma.clipwise import Job
from rjcma.concordance import ccc
from rjcma.corpus import labels, manifest
from rjcma.corpus.labels import TARGETS
from rjcma.problem import Problem
from rjcma.scoring import runs
from rjcma.scoring.ablation_trials import Digests, Files, Trial, code, text
from rjcma.scoring.metrics import Series, score_run
from rjcma.scoring.runs import Run
from rjcma.scoring.settings import Runs
from rjcma.training.loop import Fitted
from rjcma.training.run import train

VERSION = 1
"""Raised when `measure` writes something else of the same run."""


class Result(NamedTuple):
    """What a run reached on its fold's validation clips."""

    ccc: float
    """Over the labelled frames of all clips, concatenated."""
    clips: Mapping[str, float]
    """The CCC of each clip that has labelled frames."""
    best_epoch: int
    epochs: int


Results = Mapping[str, Result]
"""By the trial's name."""


def run(
    wanted: Sequence[Trial], files: Files, folder: Path, executor: Executor | None = None
) -> None:
    """Train what has not been trained, side by side, and keep a JSON file of each run in `folder`.

    A run that fails does not stop the others. Killed, only runs in flight are not done, and these
    go on from their checkpoints.
    Raises `Problems`, naming row, seed, target and fold.
    """
    known = Digests(files)
    jobs = [Job(one.name, (one, files), known.of(one)) for one in wanted]
    clipwise.run(
        measure,
        jobs,
        folder,
        ".json",
        version=VERSION,
        settings=[code()],
        workers="processes",
        executor=executor,
    )


def read(folder: Path, wanted: Iterable[Trial]) -> dict[str, Result]:
    """What `run` has kept of these runs, by their names."""
    results = {}
    for one in wanted:
        card = json.loads((folder / f"{one.name}.json").read_text())
        results[one.name] = Result(*(card[key] for key in Result._fields))
    return results


def measure(trial: Trial, files: Files, path: Path) -> None:
    """Train one run, and write what it reached; what training prints and leaves is not kept."""
    with TemporaryDirectory() as folder:
        try:
            fitted, trained = _trained(trial, files, Path(folder))
        except Problem as problem:
            raise _named(problem, trial) from None
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{_where(trial)}, {Path(at.filename).name}:{at.lineno}"
            raise RuntimeError(f"{where}: {error!r}") from error
    validation = [c for c in manifest.read(files.clips) if c.name in trained.validation]
    truth = {clip.name: labels.read(files.labels, clip) for clip in validation}
    reached = {
        "target": trial.target,
        "fold": trial.fold,
        "seed": trial.seed,
        "ccc": score_run(trained, truth).ccc,
        "clips": _of_clips(trained, truth),
        "best_epoch": fitted.best.epoch,
        "epochs": len(fitted.history),
        "settings": json.loads(text(trial.settings)),
    }
    path.write_text(json.dumps(reached, indent=1) + "\n")


def _trained(trial: Trial, files: Files, folder: Path) -> tuple[Fitted, Run]:
    """The run, trained in a folder in silence, and read back as scoring reads any run."""
    clips, features = manifest.read(files.clips), dict(files.features)
    target, fold, settings = trial.target, trial.fold, trial.settings
    out, own = folder / f"{target}-{fold}", files.checkpoints and files.checkpoints / trial.name
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere), redirect_stdout(nowhere):
        fitted = train(clips, files.labels, features, out, target, fold, settings, checkpoints=own)
    if own and own.is_dir():
        own.rmdir()  # a run that is done has removed its checkpoint
    return fitted, runs.read(folder, Runs(targets=(target,), folds=(fold,)), clips)[0]


def _of_clips(trained: Run, truth: Mapping[str, Series]) -> dict[str, float]:
    column = TARGETS.index(trained.target)
    found = {}
    for name in sorted(trained.validation):
        there = ~np.isnan(truth[name][:, column])
        if there.any():
            found[name] = ccc(trained.predictions[name][there], truth[name][there, column])
    return found


def _where(trial: Trial) -> str:
    return f"row {trial.row}, {trial.target}, fold {trial.fold}, seed {trial.seed}"


def _named(problem: Problem, trial: Trial) -> Problem:
    """The problem, with the run that met it."""
    return Problem(
        clip=problem.clip,
        file=f"{_where(trial)}: {problem.file}" if problem.file else _where(trial),
        found=problem.found,
        expected=problem.expected,
        cure=problem.cure,
    )

"""One run: trains the network of one target and fold, and writes the run's files."""

from __future__ import annotations

import json
import os
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from rjcma.corpus import folds
from rjcma.corpus.folds import Fold
from rjcma.jobs.progress import say
from rjcma.problem import Problem
from rjcma.training import history, network, saved
from rjcma.training.checkpoint import Checkpoint
from rjcma.training.clip_data import ClipData, open_all
from rjcma.training.delay import delay_of, earlier, later
from rjcma.training.history import Epoch
from rjcma.training.loop import Trainer
from rjcma.training.predict import Series
from rjcma.training.processes import Processes
from rjcma.training.request import Data, Run
from rjcma.training.seeds import seed_of
from rjcma.training.selection import Parts, divide
from rjcma.training.settings import Training

CURVES = "rjcma.training.curves:Curves"
"""Loaded by its name, not imported, so that its code is in no key: curves do not affect a run."""

RELEASES = "rjcma.training.releases:lines"
"""Loaded by its name too: what is said of a run does not affect it."""


def train(
    run: Run,
    data: Data,
    metadata: Mapping[str, Any],
    key: str,
    checkpoint: Path | None,
    live: Path | None,
    out: Path,
) -> None:
    """Train a run, and write its files (`rjcma.training.runs`) to the folder `out`.

    The weights' file contains the `metadata`. If there is a `checkpoint` file, a killed run resumes
    after its last finished epoch, provided that the `key`, a digest of everything that the run
    depends on, is the same. The caller removes the file. Curves are drawn in the folder `live`, if
    given. Raises `Problem` if the fold does not exist or has no labelled frames to train or
    validate on, or if features or labels do not fit the clips.
    """
    settings = run.settings
    seed = seed_of(settings.training.seed, run.target, run.fold)
    seeded = settings.training.model_copy(update={"seed": seed})
    processes = Processes(seeded)
    make_reproducible(seeded)
    name = f"{run.target}, fold {run.fold}"
    fold = folds.fold(data.clips, settings.folds, run.fold)
    shapes = network.input_shapes(settings)
    opened = open_all(data.clips, data.folders, shapes, data.labels, run.target)
    by_name = {clip_data.clip.name: clip_data for clip_data in opened}
    training = [by_name[clip.name] for clip in fold.train]
    validation = [by_name[clip.name] for clip in fold.validation]
    delay = delay_of(seeded, run.target, training)
    if delay.correlation is not None:
        say(
            f"{name}: a delay of {delay.seconds:g} s fits the training clips best (correlation"
            f" {delay.correlation:.3f}, without delay {delay.without:.3f})"
        )
    training, validation = (
        [earlier(data, delay.seconds) for data in clips] for clips in (training, validation)
    )
    parts = divide(training, validation, seeded, name)
    _refuse_without_labels(name, parts, validation)
    trainer = Trainer(
        network.fresh(parts.training, settings),
        settings.windows,
        seeded,
        processes,
        name,
        network.random_encoders(settings),
    )
    if processes.is_main:
        for line in pkgutil.resolve_name(RELEASES)(trainer.unfreezing):
            say(f"{name}: {line}")
    curves = pkgutil.resolve_name(CURVES)(live if processes.is_main else None)
    fitted = trainer.fit(parts, Checkpoint(checkpoint, key), curves.add)
    network.merge(trainer.network)
    times = {clip.name: clip.frame_times() for clip in data.clips}
    predictions = {
        name: later(series, times[name], delay.seconds)
        for name, series in trainer.predict(opened).items()
    }
    lag = {"delay": delay.seconds} if delay.seconds else {}
    if processes.is_main:
        looks = network.looks_of(trainer.network)
        known = {**metadata, **lag, **({"looks": looks} if looks else {})}
        saved.write(out / saved.WEIGHTS, trainer.network, known)
        history.write(out / "history.csv", fitted.history)
        _write_metadata(out / "run.json", run, fold, parts, fitted.best, lag)
        _write_predictions(out / "predictions.h5", predictions)
        curves.close()


def make_reproducible(settings: Training) -> None:
    """Seed torch, and make it use deterministic algorithms.

    On a CPU every layer has a deterministic algorithm; on a GPU, torch warns if a layer has none.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # makes cuBLAS deterministic
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(settings.seed)


def _refuse_without_labels(name: str, parts: Parts, validation: Sequence[ClipData]) -> None:
    purposes = {
        "train on": parts.training,
        "select the epoch by": parts.selection,
        "validate on": validation,
    }
    if parts.selection == list(validation):
        del purposes["select the epoch by"]
    for purpose, clips in purposes.items():
        if not any(data.labelled.any() for data in clips):
            raise Problem(
                file=name,
                found=f"{len(clips)} clips to {purpose}, without any labelled frame",
                expected="at least one labelled frame",
                cure="annotate some of these clips, or choose other folds in runs.folds",
            )
    labels = np.concatenate([data.labels[data.labelled] for data in parts.selection])
    if np.ptp(labels) == 0:
        say(
            f"{name}: all labels of the selection clips are {labels[0]:g}, so their CCC is 0 by"
            " definition and the first epoch counts as the best"
        )


def _write_metadata(
    path: Path, run: Run, fold: Fold, parts: Parts, best: Epoch, lag: Mapping[str, float]
) -> None:
    metadata: dict[str, Any] = {
        "target": run.target,
        "fold": run.fold,
        "train": [clip.name for clip in fold.train],
        "validation": [clip.name for clip in fold.validation],
        "selected_by": [data.clip.name for data in parts.selection],
        "best_epoch": best.epoch,
        "ccc": round(best.ccc, 6),
        **lag,
    }
    path.write_text(json.dumps(metadata, indent=2) + "\n")


def _write_predictions(path: Path, predictions: Mapping[str, Series]) -> None:
    with h5py.File(path, "w") as file:
        for clip, series in sorted(predictions.items()):
            file.create_dataset(clip, data=series)

"""One run: the network of one target and fold, trained, and what it leaves in its folder.

    weights.safetensors  the best epoch's weights, with the params and digests of what shaped them
    history.csv          a row an epoch: loss, CCC, rate, released groups
    run.json             target, fold, names of the clips, the best epoch and its CCC
    predictions.h5       a dataset (T,) float32 for every clip of the manifest, test clips too
    live/                the curves, as dvclive drew them while it ran

Nothing in these files depends on when or where they were made, or on how often the run was killed
and went on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from rjcma.clipwise import digest_files, digest_text
from rjcma.corpus.folds import Fold, fold
from rjcma.corpus.labels import Target
from rjcma.corpus.manifest import Clip, replace
from rjcma.fusion.network import Network, build
from rjcma.problem import Problem
from rjcma.training import backbones, saved, sources
from rjcma.training.checkpoint import Checkpoint
from rjcma.training.choice import Parts, divide
from rjcma.training.curves import Curves, Epoch
from rjcma.training.data import frame_moments
from rjcma.training.loop import Fitted, Trainer
from rjcma.training.predict import Series
from rjcma.training.processes import Processes
from rjcma.training.sections import Settings, fine_tuned
from rjcma.training.settings import Training
from rjcma.training.sources import Source


def train(
    clips: Sequence[Clip],
    labels: Path,
    folders: Mapping[str, Path],
    out: Path,
    target: Target,
    number: int,
    settings: Settings,
    *,
    checkpoints: Path | None = None,
    curves: bool = False,
) -> Fitted:
    """Train on fold `number` of the clips, and write the run to the folder `out`.

    `folders` are the features' by modality (visual, audio, text). With `checkpoints`, a folder, a
    run that was killed goes on after its last finished epoch, if nothing that it depends on has
    changed. Raises `Problem` for a fold that is not there or has nothing to train on or to
    validate by, and for features and labels that do not fit the clips.
    """
    processes = Processes(settings.training)
    reproducible(settings.training)
    name = f"{target}, fold {number}"
    chosen = fold(clips, settings.corpus.folds, number)
    by_name = _open(clips, labels, folders, target, settings)
    training = [by_name[clip.name] for clip in chosen.train]
    validation = [by_name[clip.name] for clip in chosen.validation]
    parts = divide(training, validation, settings.training, name)
    _refuse_without_labels(name, parts, validation)
    network, scratch = network_for(parts.teaching, settings), scratch_in(settings)
    trainer = Trainer(network, settings.windows, settings.training, processes, name, scratch)
    about = _about(target, number, settings, by_name, labels)
    checkpoint = Checkpoint(
        checkpoints and checkpoints / f"{target}-{number}.pt", _key(about, chosen, clips)
    )
    drawn = Curves(out / "live" if curves and processes.first else None)
    fitted = trainer.fit(parts, checkpoint, drawn.add)
    predictions = trainer.predict(list(by_name.values()))
    if processes.first:
        saved.write(out, trainer.network, about)
        _write_history(out / "history.csv", fitted.history)
        _write_card(out / "run.json", target, number, chosen, parts, fitted.best)
        _write_predictions(out / "predictions.h5", predictions)
        drawn.close()
        checkpoint.remove()
    return fitted


def reproducible(settings: Training) -> None:
    """Seed torch, and hold it to algorithms that repeat themselves on one machine.

    Where a GPU has no such algorithm for a layer, torch warns; on a CPU there is none it lacks.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only so
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(settings.seed)


def network_for(training: Sequence[Source], settings: Settings) -> Network:
    """The run's network, with fresh weights; vectors are standardised by the training clips."""
    encoders: dict[str, nn.Module] = {}
    for m in settings.fusion.modalities:
        if fine_tuned(m, settings.encoders):
            encoders[m] = backbones.build(m, getattr(settings.encoders, m))
        else:
            moments = frame_moments(source.tracks[m] for source in training)
            encoders[m] = backbones.Standardised(*moments)
    return build(encoders, settings.fusion, settings.recursions, settings.windows.frames)


def scratch_in(settings: Settings) -> list[str]:
    """The modalities whose encoders start from random weights."""
    trained = [m for m in settings.fusion.modalities if fine_tuned(m, settings.encoders)]
    return [m for m in trained if getattr(settings.encoders, m).weights == "none"]


def _open(
    clips: Sequence[Clip],
    labels: Path,
    folders: Mapping[str, Path],
    target: Target,
    settings: Settings,
) -> dict[str, Source]:
    names = {**settings.encoders.features.model_dump(), "text": "text"}
    features: dict[str, str] = {m: names[m] for m in settings.fusion.modalities}
    opened = sources.open_all(clips, dict(folders), features, labels, target)
    return {source.clip.name: source for source in opened}


def _refuse_without_labels(name: str, parts: Parts, validation: Sequence[Source]) -> None:
    purposes = {"train on": parts.teaching, "choose by": parts.choosing, "validate by": validation}
    if parts.choosing == list(validation):
        del purposes["choose by"]
    for purpose, some in purposes.items():
        if not any(source.labelled.any() for source in some):
            raise Problem(
                file=name,
                found=f"{len(some)} clips to {purpose}, and no labelled frame in them",
                expected="at least one labelled frame",
                cure="annotate some of these clips, or choose other folds in runs.folds",
            )
    labels = np.concatenate([source.labels[source.labelled] for source in parts.choosing])
    if np.ptp(labels) == 0:
        print(
            f"{name}: all labels of the clips to choose by are {labels[0]:g}: their CCC is 0 by"
            " definition, and the first epoch is the best",
            file=sys.stderr,
        )


def _about(
    target: Target, number: int, settings: Settings, by_name: Mapping[str, Source], labels: Path
) -> dict[str, Any]:
    """What shaped a run: its params, and its features and labels by the digests of their content.

    Digests are those of the clips' files, in the order of their names.
    """
    named = [by_name[name] for name in sorted(by_name)]
    files = {m: [source.tracks[m].path for source in named] for m in settings.fusion.modalities}
    written = [path for s in named if (path := labels / f"{s.clip.name}.npy").is_file()]
    return {
        "target": target,
        "fold": number,
        "folds": settings.corpus.folds,
        "params": settings.dumped(),
        "features": {m: digest_text(json.dumps(digest_files(paths))) for m, paths in files.items()},
        "labels": digest_text(json.dumps(digest_files(written))),
    }


def _key(about: Mapping[str, Any], chosen: Fold, clips: Sequence[Clip]) -> str:
    """The digest of all that a run depends on: what it is about, its clips, and the code itself."""
    package = Path(__file__).parents[1]
    code = digest_files(sorted(package.rglob("*.py")))
    names = [[clip.name for clip in part] for part in (*chosen, clips)]
    weights = [Path(e["weights"]) for e in _encoders(about) if Path(e["weights"]).is_file()]
    return digest_text(
        json.dumps([about, names, code, digest_files(weights), torch.__version__], sort_keys=True)
    )


def _encoders(about: Mapping[str, Any]) -> list[dict[str, str]]:
    return [about["params"]["encoders"][m] for m in ("visual", "audio")]


def _write_history(path: Path, history: Sequence[Epoch]) -> None:
    rows = [f"{e.epoch},{e.loss:.6f},{e.ccc:.6f},{e.rate:.3e},{e.released}" for e in history]
    replace(path, ("\n".join([",".join(Epoch._fields), *rows]) + "\n").encode())


def _write_card(
    path: Path, target: Target, number: int, chosen: Fold, parts: Parts, best: Epoch
) -> None:
    card: dict[str, Any] = {
        "target": target,
        "fold": number,
        "train": [clip.name for clip in chosen.train],
        "validation": [clip.name for clip in chosen.validation],
        "chosen_by": [source.clip.name for source in parts.choosing],
        "best_epoch": best.epoch,
        "ccc": round(best.ccc, 6),
    }
    replace(path, (json.dumps(card, indent=2) + "\n").encode())


def _write_predictions(path: Path, predictions: Mapping[str, Series]) -> None:
    partial = path.with_name("." + path.name + ".partial")
    with h5py.File(partial, "w") as file:
        for clip, series in sorted(predictions.items()):
            file.create_dataset(clip, data=series)
    partial.replace(path)

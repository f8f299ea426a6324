"""One run: the network of one target and fold, trained, and what it leaves in its folder.

    weights.safetensors  the best epoch's weights; its metadata holds the params that shaped them
    history.csv          a row an epoch: epoch, loss, ccc, rate
    run.json             target, fold, names of the clips, the best epoch and its CCC
    predictions.h5       a dataset (T,) float32 for every clip of the manifest, test clips too

Nothing in these files depends on when or where they were made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import torch
from safetensors.torch import save
from torch import nn

from rjcma import device
from rjcma.corpus.folds import Fold, fold
from rjcma.corpus.labels import Target
from rjcma.corpus.manifest import Clip, replace
from rjcma.corpus.settings import Corpus
from rjcma.fusion.network import Network, build
from rjcma.fusion.settings import Fusion
from rjcma.problem import Problem
from rjcma.training import backbones, sources
from rjcma.training.data import frame_moments
from rjcma.training.encoders import Encoders
from rjcma.training.loop import Epoch, Fitted, Trainer
from rjcma.training.predict import Series
from rjcma.training.settings import Training
from rjcma.training.sources import Source
from rjcma.training.windows import Windows


class Settings(NamedTuple):
    """The sections of the params file that shape a run."""

    recursions: int
    corpus: Corpus
    encoders: Encoders
    windows: Windows
    fusion: Fusion
    training: Training


def train(
    clips: Sequence[Clip],
    labels: Path,
    folders: Mapping[str, Path],
    out: Path,
    target: Target,
    number: int,
    settings: Settings,
) -> Fitted:
    """Train on fold `number` of the clips, and write the run to the folder `out`.

    `folders` are the features' by modality (visual, audio, text). Raises `Problem` for a fold that
    is not there or has nothing to train on or to validate by, and for features and labels that do
    not fit the clips.
    """
    reproducible(settings.training)
    where = device.choose(settings.training.device)
    name = f"{target}, fold {number}"
    chosen = fold(clips, settings.corpus.folds, number)
    by_name = _open(clips, labels, folders, target, settings)
    training = [by_name[clip.name] for clip in chosen.train]
    validation = [by_name[clip.name] for clip in chosen.validation]
    _refuse_without_labels(name, training, validation)
    network = network_for(training, settings).to(where)
    trainer = Trainer(network, settings.windows, settings.training, where, name)
    fitted = trainer.fit(training, validation)
    out.mkdir(parents=True, exist_ok=True)
    _write_weights(out / "weights.safetensors", network, target, number, settings)
    _write_history(out / "history.csv", fitted.history)
    _write_card(out / "run.json", target, number, chosen, fitted.best)
    _write_predictions(out / "predictions.h5", trainer.predict(list(by_name.values())))
    return fitted


def reproducible(settings: Training) -> None:
    """Seed torch, and hold it to algorithms that repeat themselves on one machine."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only so
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(settings.seed)


def network_for(training: Sequence[Source], settings: Settings) -> Network:
    """The run's network, with fresh weights; vectors are standardised by the training clips."""
    encoders: dict[str, nn.Module] = {}
    for m in settings.fusion.modalities:
        if settings.encoders.mode == "finetune" and m != "text":
            encoders[m] = backbones.build(m, getattr(settings.encoders, m))
        else:
            moments = frame_moments(source.tracks[m] for source in training)
            encoders[m] = backbones.Standardised(*moments)
    return build(encoders, settings.fusion, settings.recursions, settings.windows.frames)


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


def _refuse_without_labels(
    name: str, training: Sequence[Source], validation: Sequence[Source]
) -> None:
    for purpose, some in [("train on", training), ("validate by", validation)]:
        if not any(source.labelled.any() for source in some):
            raise Problem(
                file=name,
                found=f"{len(some)} clips to {purpose}, and no labelled frame in them",
                expected="at least one labelled frame",
                cure="annotate some of these clips, or choose other folds in runs.folds",
            )


def _write_weights(
    path: Path, network: Network, target: Target, number: int, settings: Settings
) -> None:
    sections = {
        key: value if isinstance(value, int) else value.model_dump(mode="json")
        for key, value in settings._asdict().items()
        if key != "corpus"  # where it lies is nothing to tell others; its folds are
    }
    about = {"target": target, "fold": number, "folds": settings.corpus.folds, **sections}
    params = json.dumps(about, sort_keys=True)
    tensors = {key: value.cpu().contiguous() for key, value in network.state_dict().items()}
    # One key only: safetensors writes several in no fixed order.
    replace(path, save(tensors, metadata={"params": params}))


def _write_history(path: Path, history: Sequence[Epoch]) -> None:
    rows = [f"{row.epoch},{row.loss:.6f},{row.ccc:.6f},{row.rate:.3e}" for row in history]
    replace(path, ("\n".join([",".join(Epoch._fields), *rows]) + "\n").encode())


def _write_card(path: Path, target: Target, number: int, chosen: Fold, best: Epoch) -> None:
    card: dict[str, Any] = {
        "target": target,
        "fold": number,
        "train": [clip.name for clip in chosen.train],
        "validation": [clip.name for clip in chosen.validation],
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

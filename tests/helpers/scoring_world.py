"""A tiny world to score: real files of clips, labels and runs, as training writes them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import clips
import h5py
import numpy as np

from rjcma import manifest
from rjcma.corpus import labels
from rjcma.corpus.settings import VALENCE_AROUSAL
from rjcma.manifest import Clip
from rjcma.scoring import report, runs
from rjcma.scoring.settings import Runs

FRAMES = {"anna": 7, "bert": 11, "cleo": 13, "dora": 17, "emil_test": 5}
FPS = {"anna": 25.0, "bert": 30.0, "cleo": 7.5, "dora": 29.97, "emil_test": 25.0}
VALIDATION = {0: ["dora"], 1: ["anna", "bert"], 2: ["cleo"]}
LABELLED = ["anna", "bert", "cleo", "dora"]


def clip(name: str) -> Clip:
    partition = {"dora": "validation", "emil_test": "test"}.get(name, "train")
    return clips.clip(name, FRAMES[name], partition, fps=FPS[name])


def make(
    root: Path,
    targets=("valence", "arousal"),
    folds=(0, 1, 2),
    names=tuple(FRAMES),
    ranges=VALENCE_AROUSAL,
):
    """Write the world under `root`. -> its paths, clips, truth and predictions by run and clip.

    `ranges` are those of the corpus's targets, of which `targets` are run.
    """
    random = np.random.default_rng(1)
    world = SimpleNamespace(
        root=root,
        manifest=root / "clips.jsonl",
        labels=root / "labels",
        runs=root / "runs",
        report=root / "report",
        params=root / "params.yaml",
        clips=[clip(name) for name in names],
    )
    shapes = {c.name: (c.frames, len(ranges)) for c in world.clips}
    world.truth = {n: random.uniform(-1, 1, s).astype(np.float32) for n, s in shapes.items()}
    for values in world.truth.values():
        values[3] = np.nan  # one unlabelled frame a clip
    root.mkdir(parents=True, exist_ok=True)
    manifest.write(world.manifest, world.clips)
    labels.write(world.labels, {n: world.truth[n] for n in names if n in LABELLED}, ranges)
    world.predictions = {}
    for target in targets:
        for fold in folds:
            made = {n: random.uniform(-1, 1, s[0]).astype(np.float32) for n, s in shapes.items()}
            world.predictions[target, fold] = made
            write_run(world.runs / f"{target}-{fold}", target, fold, made)
    choose(world, targets, folds)
    return world


def choose(world, targets=("valence", "arousal"), folds=(0, 1, 2)) -> None:
    """Write the params file that asks for these runs."""
    world.wanted = Runs(targets=targets, folds=folds)
    corpus = {"root": "corpus", "videos": ["v"], "train": "t", "validation": "o"}
    sections = {"corpus": corpus, "runs": {"targets": list(targets), "folds": list(folds)}}
    text = json.dumps(sections)
    world.params.write_text(text)  # JSON is YAML


def write_run(folder: Path, target: str, fold: int, predictions, validation=None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    validation = VALIDATION[fold] if validation is None else validation
    train = [name for name in LABELLED if name not in validation]
    card = {"target": target, "fold": fold, "train": train, "validation": validation}
    (folder / "run.json").write_text(json.dumps({**card, "best_epoch": 2, "ccc": 0.1}))
    history = "epoch,loss,ccc,learning_rate\n1,1.0,0.1,1.000e-05\n2,0.875,0.25,1.000e-06\n"
    (folder / "history.csv").write_text(history)
    with h5py.File(folder / "predictions.h5", "w") as file:
        for name, values in predictions.items():
            file.create_dataset(name, data=values)


def results(world) -> report.Results:
    truth = report.read_truth(world.labels, world.clips)
    read = runs.read(world.runs, world.wanted, world.clips)
    return report.Results(world.clips, labels.ranges(world.labels), truth, read)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    """All files under a folder, by relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

"""A corpus of a few tiny clips whose features show the labels, for tests of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from clips import clip

from rjcma import manifest, store
from rjcma.corpus import labels
from rjcma.encoders.settings import Encoders
from rjcma.fusion.settings import RJCMASettings, Widths
from rjcma.manifest import Clip
from rjcma.training import network
from rjcma.training.clip_data import ClipData, open_all
from rjcma.training.request import Data, Run
from rjcma.training.runs import Digests, train_run
from rjcma.training.sections import SECTIONS, Settings
from rjcma.training.settings import Training
from rjcma.training.windows import Windows

FRAMES = {"anna": 31, "bert": 7, "cleo": 23, "dora": 29, "emil": 19, "fred": 13}
PARTITIONS = {"dora": "validation", "emil": "validation", "fred": "test"}
FOLDERS = {
    "finetune": {"visual": "faces", "audio": "logmel", "text": "text"},
    "precompute": {"visual": "visual", "audio": "audio", "text": "text"},
}


QUICK = {"epochs": 3, "learning_rate": 0.003, "batch": 3, "device": "cpu", "threads": 1}
"""How runs are trained here; a second thread would slow them down on a busy machine."""


def write(root: Path) -> list[Clip]:
    """Write every feature, the labels and the manifest under `root`.

    anna's first frames are unlabelled, bert has no face and no word, fred no labels.
    """
    clips = [clip(name, T, PARTITIONS.get(name, "train")) for name, T in FRAMES.items()]
    for feature in ("faces", "logmel", "text", "visual", "audio"):
        (root / feature).mkdir(parents=True)
    truth = {}
    for number, each in enumerate(clips):
        generator = np.random.default_rng(number)
        shown = np.sin(np.arange(each.frames) / 5 + number).astype(np.float32)
        _write_features(root, each, shown, generator)
        if each.partition != "test":
            truth[each.name] = np.stack([shown / 2, -shown / 3], axis=1)
    truth["anna"][:5] = np.nan
    labels.write(root / "labels", truth)
    manifest.write(root / "clips.jsonl", clips)
    return clips


def _write_features(root: Path, clip: Clip, shown: np.ndarray, generator) -> None:
    frames, name = clip.frames, f"{clip.name}.h5"
    silent = clip.name == "bert"
    faces = generator.integers(0, 99, (frames, 48, 48, 3), dtype=np.uint8)
    faces += ((shown + 1) * 70).astype(np.uint8)[:, None, None, None]
    seen = np.arange(frames) % 11 != 3  # now and then there is no face
    if silent:
        seen[:] = False
    store.write(root / "faces" / name, faces[seen], np.where(seen, seen.cumsum() - 1, -1))
    rows = generator.normal(-1, 1, (frames * 3 + 96, 64)).astype(np.float32)
    rows[: frames * 3] += np.repeat(shown, 3)[:, None]
    store.write(root / "logmel" / name, rows, np.arange(frames) * 3)
    words = generator.normal(3, 2, (0 if silent else frames // 4, 5)).astype(np.float32)
    spoken = np.minimum(np.arange(frames) // 4, len(words) - 1)
    store.write(root / "text" / name, words, spoken)
    for feature, width in (("visual", 7), ("audio", 3)):
        noise = generator.normal(5, 0.3, (frames, width)).astype(np.float32)
        store.write(root / feature / name, noise + shown[:, None])


def encoders(mode: str = "precompute", **other) -> Encoders:
    """The sample's encoders, both in this mode."""
    compact = {"kind": "compact", "mode": mode}
    return Encoders(visual=compact, audio=compact, **other)


def settings(mode: str = "precompute", **training) -> Settings:
    """Settings of a run that takes about a second."""
    return Settings(
        folds=2,
        recursions=2,
        encoders=encoders(mode),
        windows=Windows(frames=11, stride=7, offsets="random"),
        fusion=RJCMASettings(kind="rjcma", widths=Widths(visual=7, audio=3, text=5), hidden=11),
        training=Training(**{**QUICK, **training}),
    )


def params(settings: Settings, **sections) -> dict:
    """The sections of a params file with these settings, and further sections."""
    dumped = {name: getattr(settings, name) for name in SECTIONS}
    plain = {n: v if isinstance(v, int) else v.model_dump(mode="json") for n, v in dumped.items()}
    corpus = {
        "root": "-",
        "videos": ["-"],
        "train": "-",
        "validation": "-",
        "folds": settings.folds,
    }
    return {"corpus": corpus, **plain, **sections}


def folders(root: Path, mode: str = "precompute") -> dict[str, Path]:
    """The folders of features, by modality, that a run of this mode reads under `root`."""
    return {m: root / name for m, name in FOLDERS[mode].items()}


def data(root: Path, mode: str = "precompute", clips=None) -> Data:
    """The data on which runs of this mode are trained."""
    clips = manifest.read(root / "clips.jsonl") if clips is None else clips
    return Data(clips, root / "labels", folders(root, mode))


def opened(root: Path, names, mode: str = "finetune") -> list[ClipData]:
    """The data of clips of these names, as a run of this mode reads them; labels of valence."""
    clips = [clip(name, FRAMES[name], PARTITIONS.get(name, "train")) for name in names]
    shapes = network.input_shapes(settings(mode))
    return open_all(clips, folders(root, mode), shapes, root / "labels", "valence")


def run(settings: Settings, fold: int = 0, target: str = "valence") -> Run:
    """A run with these settings."""
    return Run(target, fold, settings)


def trained(root: Path, out: Path, asked: Run, mode: str = "precompute", clips=None, **how) -> Path:
    """Train a run with `train_run` into the folder `out`; -> the folder."""
    there = data(root, mode, clips)
    train_run(asked, there, Digests.of(there), out, **how)
    return out

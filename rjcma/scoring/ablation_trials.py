"""The runs of an ablation, each known by its settings and by the contents that it is made from.

A run is named for its settings, so rows that say the same, in whatever table, share their runs, and
what has been trained is not trained again when rows are added, renamed or removed.

Every run has a seed of its own, drawn from the ablation's seed, the target and the fold, so that
the runs of one row share no start; the runs of different rows that are compared share theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rjcma import clipwise
from rjcma.clipwise import digest_file, digest_files, digest_text
from rjcma.corpus import manifest
from rjcma.corpus.labels import TARGETS, Target
from rjcma.scoring.settings import Runs
from rjcma.training.sections import Settings

CODE = (
    "audio",
    "concordance.py",
    "corpus/folds.py",
    "corpus/labels.py",
    "device.py",
    "frozen.py",
    "fusion",
    "store.py",
    "training",
    "vision",
)
"""Parts of the package that shape what a run learns: where one changes, all is trained anew."""


class Files(NamedTuple):
    """Where a run reads, and where it keeps how far it is."""

    clips: Path
    """The manifest."""
    labels: Path
    features: Mapping[str, Path]
    """Folders by modality."""
    checkpoints: Path | None = None
    """A folder, by which a killed run goes on after its last finished epoch."""


class Trial(NamedTuple):
    """One run of an ablation."""

    row: str
    """The first row that asks for it; for messages only."""
    settings: Settings
    """Those of the row, with the run's own seed."""
    target: Target
    fold: int
    seed: int
    """The ablation's."""

    @property
    def name(self) -> str:
        """Its file's: `<digest of the settings>-<target>-<fold>-<seed>`."""
        return f"{identity(self.settings)}-{self.target}-{self.fold}-{self.seed}"


def trials(settings: Mapping[Any, Settings], wanted: Runs, seeds: Sequence[int]) -> list[Trial]:
    """The runs that these rows need, by table and row, each once."""
    found: dict[str, Trial] = {}
    for (_, row), of_row in settings.items():
        for seed, target, fold in product(seeds, wanted.targets, wanted.folds):
            one = trial(row, of_row, target, fold, seed)
            found.setdefault(one.name, one)
    return list(found.values())


def trial(row: str, settings: Settings, target: Target, fold: int, seed: int) -> Trial:
    """A row's run on a fold, with a seed of its own."""
    drawn = np.random.SeedSequence([seed, TARGETS.index(target), fold]).generate_state(1)
    training = settings.training.model_copy(update={"seed": int(drawn[0])})
    return Trial(row, settings._replace(training=training), target, fold, seed)


def identity(settings: Settings) -> str:
    """What tells settings apart, whatever the seed: a short digest."""
    training = settings.training.model_copy(update={"seed": 0})
    return digest_text(text(settings._replace(training=training)))[:12]


def text(settings: Settings) -> str:
    """The settings as canonical JSON, but for where the corpus lies."""
    return json.dumps({"folds": settings.corpus.folds, **settings.dumped()}, sort_keys=True)


def code() -> str:
    """The digest of the code that trains."""
    package = Path(clipwise.__file__).parent
    names = sorted(
        path.relative_to(package).as_posix()
        for part in CODE
        for path in [package / part, *(package / part).rglob("*.py")]
        if path.is_file()
    )
    digests = digest_files(package / name for name in names)
    return digest_text(json.dumps(list(zip(names, digests, strict=True))))


class Digests:
    """The contents that runs are made from, each read once."""

    def __init__(self, files: Files) -> None:
        clips = manifest.read(files.clips)
        names = [clip.name for clip in clips]
        divided = [(clip.name, clip.video, clip.partition, clip.frames) for clip in clips]
        labels = _contents([files.labels / f"{name}.npy" for name in names])
        self.corpus = digest_text(json.dumps(divided) + labels)
        self.features = {
            m: _contents([folder / f"{name}.h5" for name in names])
            for m, folder in files.features.items()
        }

    def of(self, trial: Trial) -> tuple[str, ...]:
        """What a run's file stands for: corpus, the features that it reads, weights, settings."""
        modalities = trial.settings.fusion.modalities
        features = [self.features[m] for m in modalities]
        about = [trial.target, str(trial.fold), text(trial.settings)]
        return (self.corpus, *features, *_weights(trial.settings), *about)


def _contents(paths: Sequence[Path]) -> str:
    """The digest of files; one that is missing is told when it is read."""
    there = [path for path in paths if path.is_file()]
    digests = zip((path.name for path in there), digest_files(there), strict=True)
    return digest_text(json.dumps(list(digests)))


def _weights(settings: Settings) -> list[str]:
    """The digests of the encoders' weights files."""
    files = [Path(settings.encoders.visual.weights), Path(settings.encoders.audio.weights)]
    return [digest_file(path) if path.is_file() else "" for path in files]

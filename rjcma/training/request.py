"""The request for a run: one target, one fold, the settings, and the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rjcma.jobs.digests import digest_value
from rjcma.manifest import Clip
from rjcma.training.sections import Settings


@dataclass(frozen=True)
class Data:
    """The data that runs are trained on."""

    clips: Sequence[Clip]
    labels: Path
    """The folder of labels."""
    folders: Mapping[str, Path]
    """Folders of features by modality."""


@dataclass(frozen=True)
class Run:
    """One target and fold, with the settings that the network is trained with."""

    target: str
    fold: int
    settings: Settings

    @property
    def name(self) -> str:
        """The name of the run's folder; unique among runs with the same settings."""
        return f"{self.target}-{self.fold}"

    @property
    def id(self) -> str:
        """Unique among all runs: a digest of settings and weights' paths, followed by the name."""
        weights = {m: e.weights for m, e in self.settings.trained_encoders().items()}
        return f"{digest_value([self.settings.keyed(), weights])[:12]}-{self.name}"

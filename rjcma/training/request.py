"""What a run is asked for as: one network, of one target and fold, and what it is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rjcma.corpus.labels import Target
from rjcma.jobs.digests import digest_value
from rjcma.manifest import Clip
from rjcma.training.sections import Settings


@dataclass(frozen=True)
class Data:
    """What runs are trained on."""

    clips: Sequence[Clip]
    labels: Path
    """The folder of labels."""
    folders: Mapping[str, Path]
    """Folders of features by modality."""


@dataclass(frozen=True)
class Run:
    """One target and fold, with the settings that the network is trained with."""

    target: Target
    fold: int
    settings: Settings

    @property
    def name(self) -> str:
        """The run's among those of one settings, and its folder's."""
        return f"{self.target}-{self.fold}"

    @property
    def id(self) -> str:
        """The run's among all: a digest of its settings, files of weights by name, and its name."""
        weights = {m: e.weights for m, e in self.settings.trained_encoders().items()}
        return f"{digest_value([self.settings.keyed(), weights])[:12]}-{self.name}"

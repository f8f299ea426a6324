"""The sections of the params file that affect a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.corpus.settings import Corpus, Folds
from rjcma.encoders import identity
from rjcma.encoders.settings import Encoder, Encoders
from rjcma.fusion.settings import Fusion, Recursions
from rjcma.params import checked, keyed, load
from rjcma.training.settings import Training
from rjcma.training.windows import Windows

SECTIONS: dict[str, Any] = {
    "recursions": Recursions,
    "encoders": Encoders,
    "windows": Windows,
    "fusion": Fusion,
    "training": Training,
}
"""The sections of a run's settings, in addition to the number of folds."""


class Settings(NamedTuple):
    """The settings of a run."""

    folds: Folds
    """How the corpus is divided into folds (`corpus.folds`)."""
    recursions: int
    encoders: Encoders
    windows: Windows
    fusion: Fusion
    training: Training

    @classmethod
    def read(cls, params: Path) -> Settings:
        """The settings of a params file. Raises `Problem` as `rjcma.params.load` does."""
        folds = load(params, "corpus", Corpus).folds
        return cls(folds, **{name: load(params, name, kind) for name, kind in SECTIONS.items()})

    @property
    def modalities(self) -> Sequence[str]:
        """The modalities that are used."""
        return self.fusion.modalities

    def trained_encoders(self) -> dict[str, Encoder]:
        """The encoders that are trained with the network, by modality; others are precomputed."""
        encoders = {m: getattr(self.encoders, m, None) for m in self.modalities}
        return {m: e for m, e in encoders.items() if e is not None and e.mode == "finetune"}

    def keyed(self) -> dict[str, Any]:
        """The settings that are in a run's key, as plain values.

        Settings without effect on the run are left out: recursions if the fusion has none, encoders
        of modalities with precomputed vectors, and the settings of stage `encode`.
        """
        trained = self.trained_encoders()
        encoders = {m: identity.keyed(self.encoders, m) for m in trained}
        return {
            "folds": self.folds,
            **({"recursions": self.recursions} if self.fusion.recursive else {}),
            "encoders": {m: encoders.get(m, {"mode": "precompute"}) for m in self.modalities},
            "windows": keyed(self.windows),
            "fusion": keyed(self.fusion),
            "training": keyed(self.training),
        }

    @classmethod
    def of_keyed(cls, values: Mapping[str, Any], source: object) -> Settings:
        """The settings from the values that `keyed` gave; `source` is their file, for messages.

        Settings that are not among these values have defaults: precomputed encoders, files of
        weights and devices. Raises `Problem` for values of another version, and `KeyError` if one
        is missing.
        """
        default = {"kind": "compact", "mode": "precompute"}
        encoders = {m: default | dict(values["encoders"].get(m, {})) for m in ("visual", "audio")}
        for encoder in encoders.values():
            encoder.pop("weights", None)
        known = {**values, "encoders": encoders, "recursions": values.get("recursions", 1)}
        sections = {
            name: checked(kind, known[name], name, source) for name, kind in SECTIONS.items()
        }
        return cls(folds=values["folds"], **sections)

"""The sections of the params file that shape a run, together."""

from __future__ import annotations

from typing import Any, NamedTuple

from rjcma.corpus.settings import Corpus
from rjcma.fusion.settings import Fusion
from rjcma.training.encoders import Encoders
from rjcma.training.settings import Training
from rjcma.training.windows import Windows


class Settings(NamedTuple):
    """What a run is told."""

    recursions: int
    corpus: Corpus
    encoders: Encoders
    windows: Windows
    fusion: Fusion
    training: Training

    def dumped(self) -> dict[str, Any]:
        """As plain values, but for the corpus: where it lies is nothing to tell others."""
        return {
            key: value if isinstance(value, int) else value.model_dump(mode="json")
            for key, value in self._asdict().items()
            if key != "corpus"
        }


def fine_tuned(modality: str, encoders: Encoders) -> bool:
    """Whether the modality's encoder is part of the network; else its vectors are read."""
    return encoders.mode == "finetune" and modality != "text"

"""How large the weights of encoders are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.encoders.settings import NONE, Encoders, Transformers
from rjcma.problem import Problem
from rjcma.text import model_files

FORMATS = ("*.safetensors", "*.bin")
"""Files of weights in a model's folder; it may have the same weights in both."""


def weights(encoders: Encoders, modalities: Sequence[str]) -> int:
    """Bytes of these modalities' files of weights. What is missing counts 0; others tell of it."""
    return sum(_size(encoders, modality) for modality in modalities)


def _size(encoders: Encoders, modality: str) -> int:
    encoder = encoders.of(modality)
    if encoder is None or encoder.weights == NONE:  # none trains words
        return 0
    if not isinstance(encoder, Transformers):
        path = Path(encoder.weights)
        return path.stat().st_size if path.is_file() else 0
    try:
        folder = Path(model_files.locate(encoder.weights, key=f"encoders.{modality}.weights"))
    except Problem:
        return 0
    return max(sum(path.stat().st_size for path in folder.glob(form)) for form in FORMATS)

"""What keys contain of an encoder of any kind: how it is used, and the content of its model.

Encoders whose weights are a file are those of `rjcma.encoders.keys`; a model of `transformers` is a
folder, or a name on the hub, and has settings of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rjcma.encoders import keys
from rjcma.encoders.settings import NONE, Encoders, Transformers
from rjcma.jobs.recipe import Model
from rjcma.params import keyed as fields
from rjcma.problem import Problem
from rjcma.text import model_files

TRAINED = ("crop", "frozen_embeddings", "lora")
"""Settings that have no effect unless the model is trained."""


def keyed(encoders: Encoders, modality: str) -> dict[str, Any]:
    """A modality's encoder as plain values, without the place of its weights."""
    encoder = encoders.of(modality)
    if not isinstance(encoder, Transformers):
        return keys.keyed(encoders, modality)
    left_out = TRAINED if encoder.mode == "precompute" else ()
    return {name: value for name, value in fields(encoder).items() if name not in left_out}


def models(encoders: Encoders, modalities: Sequence[str]) -> dict[str, Model]:
    """What identifies these modalities' models, by params key; random weights have no identity.

    For a missing model, a `Problem` stands in its place; it is not raised.
    """
    found: dict[str, Model] = {}
    for modality in modalities:
        encoder = encoders.of(modality)
        if isinstance(encoder, Transformers):
            key = f"encoders.{modality}.weights"
            found[key] = _identity(encoder.weights, key)
        else:
            found |= keys.models(encoders, [modality])
    return found


def _identity(name: str, key: str) -> Model:
    if name != NONE:
        return model_files.identity(name, key=key)
    return Problem(
        file=key,
        found="none",
        expected="the folder of a model of transformers, or its name on the Hugging Face hub",
        cure=f"name the model in {key}",
    )

"""Encoders by the names that their settings give."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import torch
from torch import nn

from rjcma.encoders import weights
from rjcma.encoders.settings import NONE, Encoder


def build(modality: str, settings: Encoder) -> nn.Module:
    """The encoder of a modality, with the weights that its settings name, else random ones.

    Channels come last in its kernels' memory, and so in what they give: convolutions on a CPU, and
    in half precision on a GPU, are faster so. Random weights come from torch's global generator.
    Raises `Problem` for a file that is missing or holds other weights.
    """
    encoder: nn.Module = pkgutil.resolve_name(settings.implementation)()
    if settings.weights != NONE:
        weights.load(encoder, modality, Path(settings.weights))
    return encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

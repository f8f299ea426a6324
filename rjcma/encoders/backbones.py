"""Builds an encoder from its settings."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import torch
from torch import nn

from rjcma.encoders import weights
from rjcma.encoders.settings import NONE, Encoder


def build(modality: str, settings: Encoder) -> nn.Module:
    """The encoder of a modality, with the weights that its settings name, or random ones.

    It uses the channels-last memory format, which makes convolutions faster on a CPU and, in half
    precision, on a GPU. Random weights come from torch's global generator. Raises `Problem` if the
    file is missing or its weights do not fit.
    """
    encoder: nn.Module = pkgutil.resolve_name(settings.implementation)()
    if settings.weights != NONE:
        weights.load(encoder, modality, Path(settings.weights))
    return encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

"""Encoders by name, and their weights from a file. Adding a backbone is a line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rjcma.audio.compact import CompactAudio
from rjcma.problem import Problem
from rjcma.training.encoders import Encoder
from rjcma.vision.compact import CompactVisual

KINDS: dict[tuple[str, str], type[nn.Module]] = {
    ("visual", "compact"): CompactVisual,
    ("audio", "compact"): CompactAudio,
}


def build(modality: str, settings: Encoder) -> nn.Module:
    """The encoder of a modality, with the weights that its settings name, else random ones.

    Random weights come from torch's global generator. Raises `Problem` for a file that is missing
    or holds other weights.
    """
    encoder = KINDS[modality, settings.kind]()
    if settings.weights != "none":
        _load(encoder, modality, Path(settings.weights))
    return encoder


def _load(encoder: nn.Module, modality: str, path: Path) -> None:
    """Give the encoder the weights of a file: its own, or those of a run, which hold it too."""
    try:
        stored = load_file(path)
    except (FileNotFoundError, IsADirectoryError):
        raise _problem(path, "no such file", modality) from None
    except SafetensorError as error:
        raise _problem(path, f"no safetensors ({error})", modality) from None
    prefix = f"encoders.{modality}."
    within = {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}
    weights = within or stored
    if misfit := _misfit(encoder.state_dict(), weights):
        raise _problem(path, misfit, modality)
    encoder.load_state_dict(weights)


def _misfit(wanted: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    """What keeps the weights from fitting, or nothing."""
    shapes = {k: tuple(v.shape) for k, v in wanted.items()}
    found = {k: tuple(v.shape) for k, v in weights.items()}
    if missing := [k for k in shapes if k not in found]:
        return f"no weights {', '.join(missing[:4])} ({len(missing)} of {len(shapes)} are missing)"
    if strange := [k for k in found if k not in shapes]:
        return f"unknown weights {', '.join(strange[:4])} ({len(strange)})"
    if other := [k for k in shapes if shapes[k] != found[k]]:
        return f"{other[0]} of shape {found[other[0]]} instead of {shapes[other[0]]}"
    if spoilt := [
        k for k, v in weights.items() if v.is_floating_point() and not v.isfinite().all()
    ]:
        return f"values that are not finite in {spoilt[0]}"
    return ""


def _problem(path: Path, found: str, modality: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected=f"weights of the {modality} encoder, its own or a run's weights.safetensors",
        cure=f"correct encoders.{modality}.weights, or set it to none to start from random ones",
    )


class Standardised(nn.Module):
    """Vectors (N, D) brought to mean 0 and deviation 1; a vector of zeros (silence) stays so.

    The encoder of what is a vector already: text, and features computed beforehand.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.width = len(mean)

    def forward(self, vectors: Tensor) -> Tensor:
        some = vectors.any(-1, keepdim=True)
        return torch.where(some, (vectors - self.mean) / self.deviation, 0.0)

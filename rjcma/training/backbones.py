"""Encoders by name. Adding a backbone is a line here, and one in `encoders`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from rjcma.audio.compact import CompactAudio
from rjcma.audio.vggish import VGGish
from rjcma.training import weights
from rjcma.training.encoders import Encoder
from rjcma.vision.compact import CompactVisual
from rjcma.vision.ir_resnet50 import IRResNet50

KINDS: dict[tuple[str, str], type[nn.Module]] = {
    ("visual", "compact"): CompactVisual,
    ("visual", "ir_resnet50"): IRResNet50,
    ("audio", "compact"): CompactAudio,
    ("audio", "vggish"): VGGish,
}


def build(modality: str, settings: Encoder) -> nn.Module:
    """The encoder of a modality, with the weights that its settings name, else random ones.

    Channels come last in its kernels' memory, and so in what they give: convolutions on a CPU, and
    in half precision on a GPU, are faster so. Random weights come from torch's global generator.
    Raises `Problem` for a file that is missing or holds other weights.
    """
    encoder = KINDS[modality, settings.kind]()
    if settings.weights != "none":
        weights.load(encoder, modality, Path(settings.weights))
    return encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class Standardised(nn.Module):
    """Vectors (N, D) brought to mean 0 and deviation 1; a vector of zeros (silence) stays so.

    The encoder of what is a vector already: text, and features computed beforehand.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    """Nothing is learned, so nothing is released."""
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

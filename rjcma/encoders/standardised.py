"""The encoder for features that are vectors already: text, and precomputed features."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardised(nn.Module):
    """Scales vectors (N, D) to mean 0, standard deviation 1; vectors of zeros (silence) stay 0."""

    groups: tuple[tuple[str, ...], ...] = ()
    """Nothing is trained, so there are no groups to release."""
    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.width = len(mean)

    def forward(self, vectors: Tensor) -> Tensor:
        nonzero = vectors.any(-1, keepdim=True)
        return torch.where(nonzero, (vectors - self.mean) / self.std, 0.0)

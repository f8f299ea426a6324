"""The encoder of what is a vector already: text, and features computed beforehand."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardised(nn.Module):
    """Vectors (N, D) brought to mean 0, standard deviation 1; those of zeros (silence) stay so."""

    groups: tuple[tuple[str, ...], ...] = ()
    """Nothing is learned, so nothing is released."""
    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.width = len(mean)

    def forward(self, vectors: Tensor) -> Tensor:
        some = vectors.any(-1, keepdim=True)
        return torch.where(some, (vectors - self.mean) / self.std, 0.0)

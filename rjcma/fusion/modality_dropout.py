"""Modality dropout: in training, some windows lack a modality (ours)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ModalityDropout(nn.Module):
    """In training, sets a window's features (B, d, K) to zero with the given probability.

    Unlike in dropout, the other windows are not scaled up: their features stay as they are.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.probability:
            return x
        uniform = torch.rand(len(x), 1, 1, device=x.device)
        return x.masked_fill(uniform < self.probability, 0)

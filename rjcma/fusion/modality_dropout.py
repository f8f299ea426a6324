"""Modality dropout: windows that are trained on without a modality (ours)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ModalityDropout(nn.Module):
    """Features (B, d, K), in training zeros for each window with the given probability.

    The others are not scaled up, unlike dropout's: a modality that is there is there in full.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.probability:
            return x
        drawn = torch.rand(len(x), 1, 1, device=x.device)
        return x.masked_fill(drawn < self.probability, 0)

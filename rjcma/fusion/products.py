"""Weights applied to each frame of features (B, d, K), in one matrix product for all frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def per_frame(weight: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """weight @ x + bias for each window, (d', d) and (B, d, K) -> (B, d', K).

    All frames share the weight, so all windows are concatenated, (d, B K), and multiplied at once.
    One product per window would compute B gradients of the weight and then add them up.
    """
    flat = x.transpose(0, 1).flatten(1)
    y = weight @ flat if bias is None else torch.addmm(bias[:, None], weight, flat)
    return y.view(-1, len(x), x.shape[2]).transpose(0, 1)


class PerFrame(nn.Linear):
    """A fully connected layer applied to each frame of features (B, d, K), -> (B, d', K)."""

    def forward(self, x: Tensor) -> Tensor:
        return per_frame(self.weight, x, self.bias)

"""The temporal convolutional network (TCN) that models each modality in time (paper, section 3).

It follows the released code: residual blocks of two weight-normed causal convolutions, each with
LeakyReLU and dropout; the dilation doubles from block to block. Causal means that a frame's output
depends only on this frame and earlier ones, so padding at a window's end affects no valid frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

KERNEL = 5  # frames (the released code's)
BLOCKS = 4  # with dilations 1, 2, 4, 8 (the released code's)


class CausalConv(nn.Module):
    """A weight-normed convolution over this frame and earlier ones, (B, d_in, K) -> (B, d, K)."""

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.padding = (KERNEL - 1) * dilation
        self.conv = weight_norm(nn.Conv1d(inputs, outputs, KERNEL, dilation=dilation))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (self.padding, 0)))


class Block(nn.Module):
    """Two causal convolutions with a residual connection, (B, d_in, K) -> (B, d, K)."""

    def __init__(self, inputs: int, outputs: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.first = CausalConv(inputs, outputs, dilation)
        self.second = CausalConv(outputs, outputs, dilation)
        self.residual = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dropout(F.leaky_relu(self.first(x)))
        y = self.dropout(F.leaky_relu(self.second(y)))
        return F.leaky_relu(y + self.residual(x))


class TCN(nn.Sequential):
    """Blocks of the given widths, (B, inputs, K) -> (B, widths[-1], K)."""

    def __init__(self, inputs: int, widths: Sequence[int], dropout: float = 0.1) -> None:
        sizes = [inputs, *widths]
        blocks = [Block(sizes[n], sizes[n + 1], 2**n, dropout) for n in range(len(widths))]
        super().__init__(*blocks)
        self.width = sizes[-1]

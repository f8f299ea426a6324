"""A transformer encoder over time on the concatenated modalities (paper, table 2 and section 2).

Several entries to the challenge use this kind of fusion: every frame attends to every other. Ours,
since the paper gives no details: the sizes, normalisation before each sublayer, which needs no
warm-up, and sine positional encoding, which works for any length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rjcma.fusion.module import FusionModule, masked
from rjcma.fusion.products import PerFrame
from rjcma.fusion.settings import TransformerSettings

MAX_PERIOD = 10_000.0  # frames, the scale of the slowest sine (Vaswani et al., 2017)


class Transformer(FusionModule):
    """Self-attention over the frames of a window, (B, d, K) with d the sum of the widths.

    A linear layer first maps each frame's concatenated features to the width of the encoder, which
    is d rounded up to a multiple of `heads`.
    """

    @classmethod
    def of(
        cls,
        settings: TransformerSettings,
        *,
        widths: Mapping[str, int],
        frames: int,
        recursions: int,
    ) -> Transformer:
        return cls(widths, settings.layers, settings.heads, settings.dropout)

    def __init__(self, widths: Mapping[str, int], layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        d = sum(widths.values())
        self.width = math.ceil(d / heads) * heads
        self.project = PerFrame(d, self.width)
        layer = nn.TransformerEncoderLayer(
            self.width, heads, 2 * self.width, dropout, batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(self.width)
        self.encoder = nn.TransformerEncoder(layer, layers, norm, enable_nested_tensor=False)

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """Fused features. Windows may have any length, with at least one valid frame each."""
        tokens = self.project(torch.cat(list(masked(x, valid).values()), dim=1)).mT
        tokens = tokens + positional_encoding(tokens.shape[1], self.width).to(tokens)
        encoded = self.encoder(tokens, src_key_padding_mask=~valid).mT
        return encoded.masked_fill(~valid[:, None], 0)


def positional_encoding(frames: int, width: int) -> Tensor:
    """The encoding of each frame's position, (frames, width): sines and cosines alternate."""
    periods = MAX_PERIOD ** (torch.arange(0, width, 2) / width)
    angles = torch.arange(frames)[:, None] / periods
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]

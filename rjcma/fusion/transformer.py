"""A transformer encoder over time on the concatenated modalities (paper, table 2 and section 2).

The kind of fusion that several entries to the challenge use: every frame attends to every other,
whatever its modality. Sizes are ours, since the paper names none; so are normalising before each
part, which needs no warm-up, and sines for the places of frames, which know any length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rjcma.fusion.module import FusionModule, masked
from rjcma.fusion.products import PerFrame
from rjcma.fusion.settings import TransformerSettings

LONGEST = 10_000.0  # frames, the scale of the slowest sine (Vaswani et al., 2017)


class Transformer(FusionModule):
    """Self-attention over the frames of a window, (B, d, K) with d the sum of the widths.

    Where `heads` does not divide d, it is rounded up; a layer that is linear in each frame leads
    from the modalities' features to the encoder's.
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
        """For windows of any length, each with a valid frame at least."""
        tokens = self.project(torch.cat(list(masked(x, valid).values()), dim=1)).mT
        tokens = tokens + places(tokens.shape[1], self.width).to(tokens)
        encoded = self.encoder(tokens, src_key_padding_mask=~valid).mT
        return encoded.masked_fill(~valid[:, None], 0)


def places(frames: int, width: int) -> Tensor:
    """A code of each frame's place in the window, (frames, width): sines and cosines in turn."""
    slowness = LONGEST ** (torch.arange(0, width, 2) / width)
    angles = torch.arange(frames)[:, None] / slowness
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]

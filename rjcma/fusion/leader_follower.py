"""Leader-follower attentive fusion (Zhang et al., ICCV workshops 2021; paper's table 2, [41, 47]).

Within each frame, the modalities are tokens that attend to one another. Each modality has its own
linear encoder, which gives a query, a key and a value. Each modality then takes the mean of all
values, weighted by the match of its query with their keys. The attended values of all modalities
are normalised and concatenated with the leader's own features, which are not changed.

The leader is the visual modality or, if it is not used, the first modality named (ours). Widths,
heads and the normalisation follow the code that its authors released.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rjcma.fusion.module import FusionModule, masked
from rjcma.fusion.products import PerFrame
from rjcma.fusion.settings import LeaderFollowerSettings

ATTENDED = 32  # features of a query, of a key and of a value, for each modality
HEADS = 2


class LeaderFollower(FusionModule):
    """The leader's features and the attended values of M modalities, (B, d_leader + 32 M, K)."""

    @classmethod
    def of(
        cls,
        settings: LeaderFollowerSettings,
        *,
        widths: Mapping[str, int],
        frames: int,
        recursions: int,
    ) -> LeaderFollower:
        return cls(widths, settings.dropout)

    def __init__(self, widths: Mapping[str, int], dropout: float) -> None:
        super().__init__()
        self.leader = "visual" if "visual" in widths else next(iter(widths))
        self.encoders = nn.ModuleDict({m: PerFrame(d, 3 * ATTENDED) for m, d in widths.items()})
        self.dropout = nn.Dropout(dropout)
        followers = ATTENDED * len(widths)
        self.norm = nn.LayerNorm(followers)
        self.width = widths[self.leader] + followers

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """Fused features. Windows may have any length: each frame is treated alone."""
        x = masked(x, valid)
        encoded = torch.stack([self.encoders[m](x[m]).mT for m in x], dim=2)  # (B, K, M, 3 * 32)
        query, key, value = encoded.unflatten(-1, (3, HEADS, -1)).transpose(2, 4).unbind(3)
        attended = F.scaled_dot_product_attention(query, key, value)  # (B, K, heads, M, 32 / heads)
        followers = self.norm(self.dropout(attended.transpose(2, 3).flatten(2)))
        fused = {"leader": x[self.leader], "followers": followers.mT}
        return torch.cat(list(masked(fused, valid).values()), dim=1)

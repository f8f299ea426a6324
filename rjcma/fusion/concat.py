"""No fusion: each frame's features are concatenated. The baseline that attention must beat."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rjcma.fusion.module import FusionModule, masked
from rjcma.fusion.settings import ConcatSettings


class Concat(FusionModule):
    """Concatenates the modalities' TCN features; only the regression layers combine them."""

    @classmethod
    def of(
        cls, settings: ConcatSettings, *, widths: Mapping[str, int], frames: int, recursions: int
    ) -> Concat:
        return cls(widths)

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = sum(widths.values())

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """Features (B, d, K), with d the sum of the widths. Windows may have any length."""
        return torch.cat(list(masked(x, valid).values()), dim=1)

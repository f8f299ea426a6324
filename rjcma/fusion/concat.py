"""No fusion at all: each frame's features side by side, the comparison that attention must beat."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rjcma.fusion.module import FusionModule, masked
from rjcma.fusion.settings import ConcatSettings


class Concat(FusionModule):
    """The modalities' TCN features concatenated; the regression layers do the rest."""

    @classmethod
    def of(
        cls, settings: ConcatSettings, *, widths: Mapping[str, int], frames: int, recursions: int
    ) -> Concat:
        return cls(widths)

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.width = sum(widths.values())

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """(B, d, K) with d the sum of the widths, for windows of any length."""
        return torch.cat(list(masked(x, valid).values()), dim=1)

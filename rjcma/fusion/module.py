"""The interface of all kinds of fusion, the module between the TCNs and the regression layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class FusionModule(nn.Module, ABC):
    """From each modality's features (B, d_m, K), and `valid` (B, K), to fused ones (B, width, K).

    `valid` is false for padded frames. They do not affect the output of valid frames, and their own
    output is zero.
    """

    width: int

    @classmethod
    @abstractmethod
    def of(
        cls, settings: Any, *, widths: Mapping[str, int], frames: int, recursions: int
    ) -> FusionModule:
        """The module with these settings, for modalities of these widths, in this order.

        `frames` is K, the frames of a window. `recursions` is the paper's l; kinds without
        recursion ignore it.
        """

    @abstractmethod
    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """The multimodal features of each frame."""

    def temporal_weights(self) -> list[nn.Parameter]:
        """The weights that mix frames by their position in the window; by default there are none.

        They are applied as sums over K frames, so they may need a learning rate of their own
        (`training.temporal_lr_factor`).
        """
        return []


def masked(x: Mapping[str, Tensor], valid: Tensor) -> dict[str, Tensor]:
    """Each modality's features (B, d_m, K), with zeros where `valid` (B, K) is false."""
    return {m: x[m].masked_fill(~valid[:, None], 0) for m in x}


def require_frames(valid: Tensor, frames: int) -> None:
    """Raise `ValueError` unless the windows of `valid` (B, K) have K = `frames`."""
    if valid.shape[1] != frames:
        raise ValueError(f"built for windows of {frames} frames, got {valid.shape[1]}")

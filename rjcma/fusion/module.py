"""What a kind of fusion is: the module between the modalities' TCNs and the regression layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class FusionModule(nn.Module, ABC):
    """From each modality's features (B, d_m, K), and `valid` (B, K), to fused ones (B, width, K).

    What stands in frames that are not valid changes nothing in those that are, and these frames
    are zeros in what comes out.
    """

    width: int

    @classmethod
    @abstractmethod
    def of(
        cls, settings: Any, *, widths: Mapping[str, int], frames: int, recursions: int
    ) -> FusionModule:
        """The module of these settings, for modalities of these widths, in their order.

        `frames` is K, of a window; `recursions` is the paper's l, for kinds that know recursion.
        """

    @abstractmethod
    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """The multimodal features of each frame."""

    def temporal_weights(self) -> list[nn.Parameter]:
        """The weights that mix frames by their place in the window, none unless a kind has some.

        Each of their products is a sum over K frames, so they may need a learning rate of their
        own (`training.temporal_lr_factor`).
        """
        return []


def masked(x: Mapping[str, Tensor], valid: Tensor) -> dict[str, Tensor]:
    """Each modality's features (B, d_m, K), with zeros where `valid` (B, K) is false."""
    return {m: x[m].masked_fill(~valid[:, None], 0) for m in x}


def require_frames(valid: Tensor, frames: int) -> None:
    """Raise `ValueError` unless the windows of `valid` (B, K) have K = `frames`."""
    if valid.shape[1] != frames:
        raise ValueError(f"built for windows of {frames} frames, got {valid.shape[1]}")

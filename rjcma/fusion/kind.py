"""What a kind of fusion is: the module between the modalities' TCNs and the regression layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class Kind(nn.Module, ABC):
    """From each modality's features (B, d_m, K), and `valid` (B, K), to fused ones (B, width, K).

    What stands in frames that are not valid must change nothing in those that are.
    """

    width: int

    @abstractmethod
    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """The multimodal features of each frame."""

    def frame_weights(self) -> list[nn.Parameter]:
        """The weights that mix frames by their place in the window, none unless a kind has some.

        Each of their products is a sum over K frames, so they may need a learning rate of their
        own (`training.frame_rate`).
        """
        return []

"""The compact audio encoder: a small CNN for log-mel windows, trained from scratch (ours).

It replaces the paper's VGGish when nothing is downloaded, with about 0.3 million multiplications
per window. The first layer reduces the window to patches, since the windows of neighbouring frames
overlap strongly. Batch norm removes the offset that all vectors have in common, which would hide
their differences.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rjcma.audio.windows import BANDS, WINDOW_ROWS


class CompactAudio(nn.Module):
    """Log-mel windows (B, 96, 64) or (B, 1, 96, 64) -> vectors (B, 64)."""

    input_shape = (WINDOW_ROWS, BANDS)
    width = 64
    groups = (("layers",),)  # one group: all trainable weights

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, (8, 4), stride=(8, 4)),  # (B, 16, 12, 16)
            nn.ReLU(),
            nn.Conv2d(16, 24, 3, stride=2, padding=1),  # (B, 24, 6, 8)
            nn.GroupNorm(4, 24),
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, stride=2, padding=1),  # (B, 32, 3, 4)
            nn.GroupNorm(4, 32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 3 * 4, self.width),
            nn.BatchNorm1d(self.width),
        )

    def forward(self, windows: Tensor) -> Tensor:
        windows = windows.reshape(-1, 1, *self.input_shape)
        return self.layers(windows.contiguous(memory_format=torch.channels_last))

"""The compact audio encoder: a small CNN for log-mel windows, trained from scratch (ours).

A stand-in for the paper's VGGish where nothing is downloaded: about 0.3 million multiplications a
window. The first layer cuts the window into patches at once, since most of a window is shared with
the next frame's. The vectors are batch-normalised: what all windows share would drown what tells
them apart.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rjcma.audio.windows import BANDS, WINDOW_ROWS


class CompactAudio(nn.Module):
    """Log-mel windows (B, 96, 64) or (B, 1, 96, 64) -> vectors (B, 64)."""

    input_shape = (WINDOW_ROWS, BANDS)
    width = 64
    groups = (("layers",),)  # released together: all that is learned

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

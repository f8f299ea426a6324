"""The compact visual encoder: a small CNN for drawn faces, trained from scratch (ours).

A stand-in for the paper's ResNet-50 where nothing is downloaded: about 0.4 million multiplications
a face. Group normalisation looks at one face alone, so black frames shift no one else's features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIZE = 40  # pixels, the side of the crop that the network sees (paper, section 4.2.2)


class CompactVisual(nn.Module):
    """Faces (B, 3, 40, 40) in [-1, 1] -> vectors (B, 64)."""

    width = 64

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 24, 4, stride=4),  # (B, 24, 10, 10)
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, stride=2, padding=1),  # (B, 32, 5, 5)
            nn.GroupNorm(4, 32),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, stride=2, padding=1),  # (B, 48, 3, 3)
            nn.GroupNorm(4, 48),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(48 * 3 * 3, self.width),
        )

    def forward(self, faces: Tensor) -> Tensor:
        return self.layers(faces.contiguous(memory_format=torch.channels_last))

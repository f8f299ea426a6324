"""The compact visual encoder: oriented edges and a learned projection of them (ours).

A stand-in for the paper's ResNet-50 where nothing is downloaded. What a face shows lies in the
directions of its edges (the curve of a mouth, the slant of a brow) more than in its colours, so the
first layer is fixed: how strong the edges of eight directions are in each cell of 4x4 pixels, made
independent of contrast within the cell, as in histograms of oriented gradients (Dalal and Triggs,
2005). It needs no gradient and no training; the projection is learned in few steps. The vectors
are batch-normalised, as the ResNet-50's are: what all faces share would drown what tells them
apart.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 40  # pixels, the side of the crop that the network sees (paper, section 4.2.2)
DIRECTIONS = 8  # of edges, over the full circle: dark to bright is not bright to dark
CELL, STEP = 4, 2  # pixels: edges are looked at in every other one, and summed over a cell
FAINT = 0.02  # edges in a cell that count as little: noise is not raised to full strength


class CompactVisual(nn.Module):
    """Faces (B, 3, 40, 40) in [-1, 1] -> vectors (B, 64)."""

    input_shape = (3, SIZE, SIZE)
    width = 64
    groups = (("projection", "norm"),)  # released together: all that is learned
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", _directions(), persistent=False)
        self.projection = nn.Linear(DIRECTIONS * (SIZE // CELL) ** 2, self.width)
        self.norm = nn.BatchNorm1d(self.width)

    def forward(self, faces: Tensor) -> Tensor:
        return self.norm(self.projection(self.edges(faces).flatten(1)))

    @torch.no_grad()
    def edges(self, faces: Tensor) -> Tensor:
        """Strength of the edges of each direction in each cell, (B, 8, 10, 10) in [0, 1)."""
        grey = faces.mean(1, keepdim=True)
        steep = F.conv2d(grey, self.filters, stride=STEP, padding=1)  # (B, 8, 20, 20)
        strength = F.avg_pool2d(torch.relu(steep), CELL // STEP)
        return strength / (strength.norm(dim=1, keepdim=True) + FAINT)


def _directions() -> Tensor:
    """Sobel's derivative in each direction, (8, 1, 3, 3)."""
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    angles = torch.arange(DIRECTIONS) * 2 * math.pi / DIRECTIONS
    return torch.stack([a.cos() * across + a.sin() * across.T for a in angles])[:, None]

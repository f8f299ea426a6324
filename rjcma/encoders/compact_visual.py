"""The compact visual encoder: oriented edges and a learned projection of these (ours).

It replaces the paper's ResNet-50 when nothing is downloaded. The directions of edges (the curve of
a mouth, the slope of an eyebrow) show more of an expression than colours do. So the first layer is
fixed: it computes the strength of edges in eight directions, in each cell of 4x4 pixels, normalised
by the contrast within the cell, as in histograms of oriented gradients (Dalal and Triggs, 2005). It
needs no gradient and no training, and the projection is learned in a few steps. As in the
ResNet-50, batch norm removes the offset that all vectors have in common, which would hide their
differences.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 40  # pixels, the side of the crop that the network sees (paper, section 4.2.2)
DIRECTIONS = 8  # of edges, over the full circle: dark to bright is not bright to dark
CELL, STEP = 4, 2  # pixels: edges are computed at every second pixel, and averaged over a cell
NOISE_FLOOR = 0.02  # edge strength added before normalising, so that noise is not amplified


class CompactVisual(nn.Module):
    """Faces (B, 3, 40, 40) in [-1, 1] -> vectors (B, 64)."""

    input_shape = (3, SIZE, SIZE)
    width = 64
    groups = (("projection", "norm"),)  # one group: all trainable weights
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
        gradients = F.conv2d(grey, self.filters, stride=STEP, padding=1)  # (B, 8, 20, 20)
        strength = F.avg_pool2d(torch.relu(gradients), CELL // STEP)
        return strength / (strength.norm(dim=1, keepdim=True) + NOISE_FLOOR)


def _directions() -> Tensor:
    """The Sobel filter of each direction, (8, 1, 3, 3)."""
    horizontal = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    angles = torch.arange(DIRECTIONS) * 2 * math.pi / DIRECTIONS
    return torch.stack([a.cos() * horizontal + a.sin() * horizontal.T for a in angles])[:, None]

"""Convolutions by Winograd's minimal filtering: the same sums with a quarter of the products.

Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016): m outputs of a kernel of
size 3 need m + 2 products, so m x m outputs of a 3x3 kernel need (m + 2)^2 products instead of
9 m^2. With g the kernel, d the data and (.) the elementwise product, in one dimension

    y = A [(G g) (.) (B d)]

where A, G, B evaluate polynomials at m + 1 points and at infinity (Toom and Cook). Two matrices per
dimension cover all tiles of a picture and the zeros around it, so every step is a matrix product.
Rounding adds a relative error of about 5e-6 to a float32 convolution.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

POINTS = (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0)
TILES = (2, 3, 4, 5)
"""Possible values of m, the outputs of a tile: a larger m saves more products and rounds more."""

BLOCK = 2**21  # numbers processed at a time: 8 MB, about one core's share of the cache


class Winograd(nn.Module):
    """A 3x3 convolution of stride 1 and padding 1, for inference: (B, C, H, W) -> (B, O, H, W).

    It is faster from about 128 channels; with fewer, the transforms cost more than they save. The
    transformed kernels are kept for each size of picture, and take five times their memory.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.kernels, self.bias = conv.weight.detach(), conv.bias
        self._transformed: dict[tuple[int, int], Tensor] = {}

    @staticmethod
    def fits(conv: nn.Module) -> bool:
        """Whether `conv` is a convolution that this class can replace and make faster."""
        return (
            isinstance(conv, nn.Conv2d)
            and conv.kernel_size == (3, 3)
            and (conv.stride, conv.padding, conv.dilation) == ((1, 1), (1, 1), (1, 1))
            and conv.groups == 1
            and min(conv.in_channels, conv.out_channels) >= 128
        )

    def forward(self, x: Tensor) -> Tensor:
        count, channels, *size = x.shape
        shape = (count, len(self.kernels), *size)
        y = torch.empty(shape, memory_format=torch.channels_last)
        rows, columns = (_lines(n) for n in size)
        step = max(1, BLOCK // (len(rows.spread) * len(columns.spread) * channels))
        kernels = self._for_size(size[0], size[1])
        for start in range(0, count, step):
            y[start : start + step] = _convolved(x[start : start + step], kernels, rows, columns)
        return y if self.bias is None else y.add_(self.bias[:, None, None])

    def _for_size(self, height: int, width: int) -> Tensor:
        """G g G^T for every pair of channels, (points, points, C, O)."""
        if (height, width) not in self._transformed:
            rows, columns = (evaluation(tile(n) + 2, 3) for n in (height, width))
            flat = self.kernels.permute(2, 3, 1, 0).flatten(0, 1).double()  # (9, C, O)
            kernels = (torch.kron(rows, columns) @ flat.flatten(1)).float()
            shape = (len(rows), len(columns), *flat.shape[1:])
            self._transformed[height, width] = kernels.view(shape)
        return self._transformed[height, width]


class Lines:
    """One dimension of n pixels, cut into tiles."""

    def __init__(self, pixels: int) -> None:
        m = tile(pixels)
        self.points, self.tiles = m + 2, -(-pixels // m)
        a = evaluation(self.points, m).T  # A, (m, points)
        b = torch.linalg.inv(evaluation(self.points, self.points)).T  # B, (points, points)
        spread = torch.zeros(self.points, self.tiles, pixels + self.points, dtype=torch.float64)
        joined = torch.zeros(self.tiles * m, self.points, self.tiles, dtype=torch.float64)
        for t in range(self.tiles):
            spread[:, t, t * m : t * m + self.points] = b
            joined[t * m : (t + 1) * m, :, t] = a
        self.spread = spread.flatten(0, 1)[:, 1 : pixels + 1].float().contiguous()
        """From pixels to each point of each tile, (points x tiles, pixels)."""
        self.joined = joined[:pixels].flatten(1).float()
        """From each point of each tile to pixels, (pixels, points x tiles)."""


def tile(pixels: int) -> int:
    """The m with the fewest products for a dimension of this many pixels."""
    return min(TILES, key=lambda m: -(-pixels // m) * (m + 2))


def evaluation(points: int, terms: int) -> Tensor:
    """The matrix from a polynomial's coefficients to its values, (points, terms), infinity last."""
    at = torch.tensor(POINTS[: points - 1], dtype=torch.float64)
    powers = at[:, None] ** torch.arange(terms)
    return torch.cat([powers, torch.eye(terms, dtype=torch.float64)[-1:]])


_lines = functools.cache(Lines)


def _convolved(x: Tensor, kernels: Tensor, rows: Lines, columns: Lines) -> Tensor:
    """A convolved block of pictures (B, C, H, W); in memory, pixels come before pictures."""
    (count, channels, height, width), outputs = x.shape, kernels.shape[-1]
    high, wide = len(rows.spread), len(columns.spread)
    d = x.permute(2, 3, 0, 1).reshape(height, -1)
    d = (rows.spread @ d).view(high, width, -1)
    d = columns.spread.expand(high, -1, -1) @ d
    d = d.view(rows.points, rows.tiles, columns.points, -1, channels)
    y = d.new_empty(*d.shape[:-1], outputs)
    for p in range(rows.points):
        for t in range(rows.tiles):
            torch.bmm(d[p, t], kernels[p], out=y[p, t])
    y = columns.joined.expand(high, -1, -1) @ y.view(high, wide, -1)
    y = rows.joined @ y.view(high, -1)
    return y.view(height, width, count, outputs).permute(2, 3, 0, 1)

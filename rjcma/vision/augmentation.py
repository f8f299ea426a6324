"""Crops and flips of stored faces, for the visual encoder (paper, section 4.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

Augmentations = NDArray[np.float64]
"""(windows, 3), each in [0, 1): top and left of the cut, as fractions of the margin, and whether to
flip (from 0.5)."""


def augmentations(windows: int, generator: Generator) -> Augmentations:
    """Random augmentations, one for each window."""
    return generator.random((windows, 3))


def augmented(crops: Tensor, lengths: Sequence[int], by_window: Augmentations, size: int) -> Tensor:
    """Crops (N, S, S, 3) uint8 of windows of these lengths -> (N, 3, size, size) in [-1, 1].

    All frames of a window are cut at the same place, and all are flipped or none, so that a face
    does not jump within a window.
    """
    places = np.repeat(_places(by_window, crops.shape[1] - size), lengths, axis=0)
    return _scaled(_cut(crops, places, size))


def centred(crops: Tensor, size: int) -> Tensor:
    """Crops (N, S, S, 3) uint8, cut from the centre -> (N, 3, size, size) in [-1, 1]."""
    edge = (crops.shape[1] - size) // 2
    return _scaled(crops[:, edge : edge + size, edge : edge + size])


def _scaled(cut: Tensor) -> Tensor:
    # To the last bit this is (x / 255 - 0.5) / 0.5, since multiplying by two is exact.
    return cut.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def _places(by_window: Augmentations, margin: int) -> NDArray[np.int64]:
    """For each window: top and left of its cut, 0 to `margin`, and 1 if it is flipped."""
    return (by_window * (margin + 1, margin + 1, 2)).astype(np.int64)


def _cut(crops: Tensor, places: NDArray[np.int64], size: int) -> Tensor:
    """Crops (N, S, S, 3) cut and flipped, by each frame's place (N, 3) -> (N, size, size, 3)."""
    count, side = crops.shape[:2]
    top, left, flipped = places.T
    corner = (np.arange(count) * side + top) * side + left  # counted in pixels, through all crops
    mirrored = np.flatnonzero(flipped)
    order = np.arange(count)
    order[mirrored] = count + np.arange(len(mirrored))  # flipped frames are appended to all others
    indices = _to_device(np.concatenate([corner, order, mirrored]), crops.device)
    first, source, frames = indices.split([count, count, len(mirrored)])
    lines = first[:, None] + side * torch.arange(size, device=crops.device)
    runs = crops.reshape(-1).unfold(0, size * 3, 3)  # `size` pixels from every pixel on
    cut = runs.index_select(0, lines.view(-1)).view(count, size, size, 3)
    return torch.cat([cut, cut.index_select(0, frames).flip(2)]).index_select(0, source)


def _to_device(values: NDArray[np.int64], device: torch.device) -> Tensor:
    """The values on a device, without waiting for a GPU that is still computing."""
    tensor = torch.from_numpy(values)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)

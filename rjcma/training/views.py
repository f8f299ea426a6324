"""What the visual network sees of a stored face (paper, section 4.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rjcma.vision.compact import SIZE

Draws = NDArray[np.float64]


def are_faces(values: Tensor) -> bool:
    """Whether these values are stored crops, (N, S, S, 3) uint8, and not vectors."""
    return values.dtype == torch.uint8


def drawn(windows: int, generator: np.random.Generator) -> Draws:
    """What is random in the views of so many windows, (windows, 3), each in [0, 1).

    Top and left of the cut, as parts of the room there is, and whether to flip.
    """
    return generator.random((windows, 3))


def faces(crops: Tensor, lengths: Sequence[int], draws: Draws | None = None) -> Tensor:
    """Crops (N, S, S, 3) uint8 of windows of these lengths -> (N, 3, 40, 40) in [-1, 1].

    With a draw a window, each is cut at a random place and flipped or not, all of its frames alike,
    so that a face does not jump within a window; without, cut from the centre.
    """
    room = crops.shape[1] - SIZE
    if draws is None:
        edge = room // 2
        cut = crops[:, edge : edge + SIZE, edge : edge + SIZE]
    else:
        cut = _cut(crops, np.repeat(_places(draws, room), lengths, axis=0))
    # To the last bit this is (x / 255 - 0.5) / 0.5, since multiplying by two is exact.
    return cut.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def _places(draws: Draws, room: int) -> NDArray[np.int64]:
    """For each window: the top and left of its cut, from 0 to `room`, and 1 where it is flipped."""
    return (draws * (room + 1, room + 1, 2)).astype(np.int64)


def _cut(crops: Tensor, places: NDArray[np.int64]) -> Tensor:
    """Crops (N, S, S, 3) cut and flipped, by a place a frame (N, 3) -> (N, 40, 40, 3)."""
    count, size = crops.shape[:2]
    top, left, flipped = places.T
    corner = (np.arange(count) * size + top) * size + left  # in pixels of all crops
    turned = np.flatnonzero(flipped)
    order = np.arange(count)
    order[turned] = count + np.arange(len(turned))  # flipped frames stand behind all others
    sent = _sent(np.concatenate([corner, order, turned]), crops.device)
    first, taken, frames = sent.split([count, count, len(turned)])
    lines = first[:, None] + size * torch.arange(SIZE, device=crops.device)
    runs = crops.reshape(-1).unfold(0, SIZE * 3, 3)  # SIZE pixels from every pixel on
    cut = runs.index_select(0, lines.view(-1)).view(count, SIZE, SIZE, 3)
    return torch.cat([cut, cut.index_select(0, frames).flip(2)]).index_select(0, taken)


def _sent(values: NDArray[np.int64], device: torch.device) -> Tensor:
    """The values on a device, without waiting for what a GPU is still computing."""
    tensor = torch.from_numpy(values)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)

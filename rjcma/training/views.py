"""What the visual network sees of a stored face (paper, section 4.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rjcma.vision.compact import SIZE


def are_faces(values: Tensor) -> bool:
    """Whether these values are stored crops, (N, S, S, 3) uint8, and not vectors."""
    return values.dtype == torch.uint8


def faces(
    crops: Tensor, lengths: Sequence[int], generator: np.random.Generator | None = None
) -> Tensor:
    """Crops (N, S, S, 3) uint8 of windows of these lengths -> (N, 3, 40, 40) in [-1, 1].

    With a generator, each window is cut at a random place and flipped or not, one draw for all of
    its frames, so that a face does not jump within a window; without, cut from the centre.
    """
    room = crops.shape[1] - SIZE
    seen = []
    for window in crops.split(list(lengths)):
        top = left = room // 2
        flipped = False
        if generator is not None:
            top, left = generator.integers(0, room, 2, endpoint=True).tolist()
            flipped = bool(generator.integers(2))
        cut = window[:, top : top + SIZE, left : left + SIZE]
        seen.append(cut.flip(2) if flipped else cut)
    scaled = torch.cat(seen).permute(0, 3, 1, 2).float() / 255
    return (scaled - 0.5) / 0.5

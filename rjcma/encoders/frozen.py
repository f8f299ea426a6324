"""Layers one after another, of which the first may be frozen: those are run in pieces.

torch keeps nothing for the gradient before the first weight that has one. But a layer's output for
all frames of a training step at once, 3600 in the paper, is 6 GB in VGGish's first layer; so many
are not needed at once where each frame's vector depends on that frame alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

import torch
from torch import Tensor, nn

PIECES = {"cpu": 64}
"""Frames of a piece by type of device (ours): on a CPU what stays in its cache,"""
OTHER_PIECE = 1024
"""and elsewhere, on a GPU, what keeps it busy with a kernel."""


def in_order(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """What the layers make of x (B, ...), one after another.

    Those at the beginning that are not trained go in pieces of the batch, without a gradient.
    """
    frozen = [] if x.requires_grad else list(takewhile(is_frozen, layers))
    if frozen:
        with torch.no_grad():
            pieces = x.split(PIECES.get(x.device.type, OTHER_PIECE))
            x = torch.cat([_through(frozen, piece) for piece in pieces])
    return _through(layers[len(frozen) :], x)


def is_frozen(layer: nn.Module) -> bool:
    """Whether a layer gives each of a batch's items what it would give it alone, and learns not."""
    learns = torch.is_grad_enabled() and any(w.requires_grad for w in layer.parameters())
    return not learns and not any(part.training for part in layer.modules())


def _through(layers: Iterable[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x

"""Runs layers one after another; the frozen ones at the beginning run in chunks of frames.

Frozen layers need no gradient, so torch keeps none of their outputs. But one output for all frames
of a training step (3600 in the paper) is large: 6 GB in VGGish's first layer. Frozen layers treat
frames independently, so they can run on a few frames at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

import torch
from torch import Tensor, nn

CHUNK = {"cpu": 64}
"""Frames per chunk, by type of device (ours). On a CPU, a chunk fits in its cache."""
OTHER_CHUNK = 1024
"""Frames per chunk on other devices (ours), enough to keep a GPU busy."""


def in_order(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """The output of the layers for x (B, ...), one layer after another.

    The frozen layers at the beginning run on chunks of the batch, without a gradient.
    """
    frozen = [] if x.requires_grad else list(takewhile(is_frozen, layers))
    if frozen:
        with torch.no_grad():
            chunks = x.split(CHUNK.get(x.device.type, OTHER_CHUNK))
            x = torch.cat([_through(frozen, chunk) for chunk in chunks])
    return _through(layers[len(frozen) :], x)


def is_frozen(layer: nn.Module) -> bool:
    """Whether the layer is not trained, and treats each item of a batch independently."""
    trained = torch.is_grad_enabled() and any(w.requires_grad for w in layer.parameters())
    return not trained and not any(part.training for part in layer.modules())


def _through(layers: Iterable[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x

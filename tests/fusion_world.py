"""Small features, windows and weights for the tests of fusion; every axis is its own prime."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rjcma.fusion.module import FusionModule, Shape
from rjcma.fusion.network import KINDS
from rjcma.fusion.settings import Fusion

BATCH, K, WIDTHS = 2, 5, {"visual": 7, "audio": 3, "text": 11}

FUSIONS = {
    "paper": Fusion(kind="rjcma"),
    "released": Fusion(kind="rjcma", variant="released"),
    "leader_follower": Fusion(kind="leader_follower"),
    "transformer": Fusion(kind="transformer"),
    "concat": Fusion(kind="concat"),
}
"""Every way to fuse, by a name of its own."""

SUBSETS = [
    ("visual",),
    ("audio",),
    ("text",),
    ("visual", "audio"),
    ("text", "visual"),
    ("audio", "text"),
    ("visual", "audio", "text"),
    ("text", "audio", "visual"),
]
"""Every set of modalities that may take part, some of them in another order."""


def kind(name: str, modalities=tuple(WIDTHS), frames=K, recursions=2) -> FusionModule:
    """A way to fuse, seeded, in evaluation mode."""
    fusion = FUSIONS[name]
    widths = {m: WIDTHS[m] for m in modalities}
    return seeded(KINDS[fusion.kind](Shape(widths, frames, recursions), fusion)).eval()


def seeded(module, seed=0):
    """The module in double precision, with weights that are nowhere near their start."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double()
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator).double() * 0.5
    return module


def features(frames=K, seed=1, widths: Mapping[str, int] = WIDTHS) -> dict[str, Tensor]:
    """Normal features (B, d_m, K) of each modality."""
    generator = torch.Generator().manual_seed(seed)
    return {
        m: torch.randn(BATCH, width, frames, generator=generator).double()
        for m, width in widths.items()
    }


def everywhere(frames=K) -> Tensor:
    """No frame is padding."""
    return torch.ones(BATCH, frames, dtype=torch.bool)


def first(length: int, frames=K) -> Tensor:
    """The first frames are valid, the others padding."""
    return everywhere(frames) & (torch.arange(frames) < length)

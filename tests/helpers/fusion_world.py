"""Small features, windows and weights for the tests of fusion; every axis has its own prime."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping

import torch
from pydantic import TypeAdapter
from torch import Tensor

from rjcma.fusion.module import FusionModule
from rjcma.fusion.settings import Fusion

BATCH, K, WIDTHS = 2, 5, {"visual": 7, "audio": 3, "text": 11}

GATES = ("dynamic", "gated", "hierarchical")
GATED = tuple(f"{base}_{gate}" for base in ("rjcma", "released") for gate in GATES)
KINDS = ("rjcma", *GATED[:3], "released", *GATED[3:], "leader_follower", "transformer", "concat")
"""Every kind of fusion."""

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
"""Every set of modalities, some of them in another order."""


def settings(kind: str, **other):
    """Section `fusion` with this kind."""
    return TypeAdapter(Fusion).validate_python({"kind": kind, **other})


def kind(name: str, modalities=tuple(WIDTHS), frames=K, recursions=2) -> FusionModule:
    """A kind of fusion, seeded, in evaluation mode."""
    fusion, widths = settings(name), {m: WIDTHS[m] for m in modalities}
    module = pkgutil.resolve_name(fusion.implementation)
    built = module.of(fusion, widths=widths, frames=frames, recursions=recursions)
    return seeded(built).eval()


def seeded(module, seed=0):
    """The module in double precision, with weights far from their initial values."""
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
    """A mask without padding, (BATCH, frames)."""
    return torch.ones(BATCH, frames, dtype=torch.bool)


def first(length: int, frames=K) -> Tensor:
    """A mask whose first frames are valid and the others padding, (BATCH, frames)."""
    return everywhere(frames) & (torch.arange(frames) < length)

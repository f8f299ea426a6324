"""Section `encoders` for tests, with values for all keys that a test does not name."""

from __future__ import annotations

from typing import get_args

from rjcma.encoders.settings import Encoder, Encoders

KINDS = {"visual": ("compact", "ir_resnet50"), "audio": ("compact", "vggish")}
"""Every kind of encoder that this package defines, by modality; others are `transformers`'."""

EVERY = [(modality, kind) for modality, kinds in KINDS.items() for kind in kinds]


def encoders(visual: dict | None = None, audio: dict | None = None, **other) -> Encoders:
    """The section, on the CPU, with the given keys of each encoder; compact by default."""
    compact = {"kind": "compact"}
    parts = {"visual": compact | (visual or {}), "audio": compact | (audio or {})}
    return Encoders(**{"device": "cpu", **parts, **other})


def chosen(modality: str, kind: str = "compact", **other) -> Encoder:
    """One modality's encoder."""
    return getattr(encoders(**{modality: {"kind": kind, **other}}), modality)


def classes(modality: str) -> list[type[Encoder]]:
    """The classes that a modality's encoder may be of."""
    return list(get_args(Encoders.model_fields[modality].annotation))

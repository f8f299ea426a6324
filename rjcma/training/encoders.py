"""Section `encoders` of the params file: what turns faces and log-mel windows into vectors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from rjcma.params import Section

Encoded = Literal["visual", "audio"]

MODES: dict[str, dict[str, Any]] = {
    "finetune": {"features": {"visual": "faces", "audio": "logmel"}, "encode": ()},
    "precompute": {
        "features": {"visual": "visual", "audio": "audio"},
        "encode": ("visual", "audio"),
    },
}
"""What `features` and `encode` must say in each mode: dvc.yaml builds the pipeline from them."""


class Encoder(Section):
    """One encoder: its architecture, and the weights that it starts from."""

    kind: Literal["compact"] = "compact"
    weights: str = "none"
    """A safetensors file (an encoder's own, or a run's weights.safetensors), or none."""


class Features(Section):
    """Folders under data/features that stage `train` reads."""

    visual: Literal["faces", "visual"] = "faces"
    audio: Literal["logmel", "audio"] = "logmel"


class Encoders(Section):
    """Whether encoders are trained with the network (the paper) or run once, and which they are."""

    mode: Literal["finetune", "precompute"] = "finetune"
    features: Features = Features()
    encode: tuple[Encoded, ...] = ()
    visual: Encoder = Encoder()
    audio: Encoder = Encoder()
    batch: int = Field(256, ge=1)
    """Frames that stage `encode` puts through an encoder at a time (ours)."""
    device: str = "auto"
    """Where stage `encode` runs."""

    @model_validator(mode="after")
    def _consistent(self) -> Encoders:
        needed = MODES[self.mode]
        if {"features": self.features.model_dump(), "encode": self.encode} != needed:
            features = ", ".join(f"{m}: {name}" for m, name in needed["features"].items())
            encode = ", ".join(needed["encode"])
            raise ValueError(
                f"with mode: {self.mode} these two, features: {{{features}}} and encode: [{encode}]"
            )
        return self

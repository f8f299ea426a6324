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

    kind: str
    weights: str = "none"
    """A file, or none: random weights, trained from scratch. A safetensors file (the encoder's own,
    or a run's weights.safetensors), or a .pth or .pt of tensors by name, as published; names may
    stand under `backbone.`, beside a classifier's `logits.`"""


class Visual(Encoder):
    """The encoder of faces; ir_resnet50 is the paper's (section 3.1)."""

    kind: Literal["compact", "ir_resnet50"] = "compact"


class Audio(Encoder):
    """The encoder of log-mel windows; vggish is the paper's (section 3.2)."""

    kind: Literal["compact", "vggish"] = "compact"


class Features(Section):
    """Folders under data/features that stage `train` reads."""

    visual: Literal["faces", "visual"] = "faces"
    audio: Literal["logmel", "audio"] = "logmel"


class Encoders(Section):
    """Whether encoders are trained with the network (the paper) or run once, and which they are."""

    mode: Literal["finetune", "precompute"] = "finetune"
    features: Features = Features()
    encode: tuple[Encoded, ...] = ()
    visual: Visual = Visual()
    audio: Audio = Audio()
    batch: int = Field(256, ge=1)
    """Frames that stage `encode` reads and hands to an encoder at a time (ours)."""
    device: str = "auto"
    """Where stage `encode` runs."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Of stage `encode`'s products: auto is bf16 on a GPU that has it, else fp32 (ours). What is
    written is float32."""

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

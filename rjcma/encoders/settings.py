"""Section `encoders` of the params file: what turns faces and log-mel windows into vectors.

A new encoder is a module beside these and a class here.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rjcma.params import NotKeyed, Section

Encoded = Literal["visual", "audio"]
"""The modalities that have encoders; words are vectors already."""

NONE = "none"


class Encoder(Section):
    """One encoder: whether it is trained, its architecture, and the weights that it starts from."""

    mode: Literal["finetune", "precompute"] = "finetune"
    """finetune: stage `train` trains it with the network (the paper); precompute: stage `encode`
    runs it once, and `train` reads its vectors."""
    weights: Annotated[str, NotKeyed] = NONE
    """A file, or none: random weights, trained from scratch. A safetensors file (the encoder's own,
    or a run's weights.safetensors), or a .pth or .pt of tensors by name, as published; names may
    stand under `backbone.`, beside a classifier's `logits.`"""

    implementation: ClassVar[str]
    """Where the encoder's class is, `module:name`."""


class CompactVisual(Encoder):
    """Oriented edges and a projection: the sample's."""

    kind: Literal["compact"]
    implementation: ClassVar[str] = "rjcma.encoders.compact_visual:CompactVisual"


class IRResNet50(Encoder):
    """The paper's (section 3.1)."""

    kind: Literal["ir_resnet50"]
    implementation: ClassVar[str] = "rjcma.encoders.ir_resnet50:IRResNet50"


class CompactAudio(Encoder):
    """A small CNN: the sample's."""

    kind: Literal["compact"]
    implementation: ClassVar[str] = "rjcma.encoders.compact_audio:CompactAudio"


class VGGish(Encoder):
    """The paper's (section 3.2)."""

    kind: Literal["vggish"]
    implementation: ClassVar[str] = "rjcma.encoders.vggish:VGGish"


class Encoders(Section):
    """The encoders of both modalities, and how stage `encode` runs them."""

    visual: Annotated[CompactVisual | IRResNet50, Field(discriminator="kind")]
    """The encoder of faces."""
    audio: Annotated[CompactAudio | VGGish, Field(discriminator="kind")]
    """The encoder of log-mel windows."""
    batch: Annotated[int, NotKeyed] = Field(256, ge=1)
    """Frames that stage `encode` reads and hands to an encoder at a time (ours)."""
    device: Annotated[str, NotKeyed] = "auto"
    """Where stage `encode` runs."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of stage `encode`'s products (ours); bf16 and fp16 are for GPUs. What is written is float32.
    """

    renamed: ClassVar[dict[str, str]] = {
        "mode": "encoders.visual.mode and encoders.audio.mode",
        "features": "encoders.visual.mode and encoders.audio.mode",
        "encode": "encoders.visual.mode and encoders.audio.mode",
    }

    def of(self, modality: str) -> Encoder | None:
        """The encoder of a modality that has one."""
        encoder: Encoder | None = getattr(self, modality, None)
        return encoder

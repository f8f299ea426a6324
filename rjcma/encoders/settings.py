"""Section `encoders` of the params file: the networks for faces and for the voice.

A new encoder needs a module in this package and a class here.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rjcma.params import NotKeyed, Section

Encoded = Literal["visual", "audio"]
"""The modalities that have encoders; stage `embed_text` turns words into vectors."""

NONE = "none"


class Encoder(Section):
    """One encoder: whether it is trained, its architecture, and its initial weights."""

    mode: Literal["finetune", "precompute"] = "finetune"
    """finetune: stage `train` trains it with the network (the paper); precompute: stage `encode`
    runs it once, and `train` reads its vectors."""
    weights: Annotated[str, NotKeyed] = NONE
    """The initial weights: a file, or none for random ones. The file is a safetensors file (of the
    encoder alone, or a run's weights.safetensors), or a .pth or .pt file with tensors by name, as
    published. Names may have the prefix `backbone.`, in the file of a classifier with `logits.`"""

    implementation: ClassVar[str]
    """The encoder's class, as `module:name`."""
    encodes: ClassVar[str] = "rjcma.encoders.encode:encode_clip"
    """The function by which stage `encode` runs it, as `module:name`."""
    reads: ClassVar[Literal["frames", "whole"]] = "frames"
    """Whether it reads each frame's own value (a crop, a log-mel window), or a video's sound."""


class CompactVisual(Encoder):
    """Oriented edges and a projection, for the sample corpus."""

    kind: Literal["compact"]
    implementation: ClassVar[str] = "rjcma.encoders.compact_visual:CompactVisual"


class IRResNet50(Encoder):
    """The paper's visual encoder (section 3.1)."""

    kind: Literal["ir_resnet50"]
    implementation: ClassVar[str] = "rjcma.encoders.ir_resnet50:IRResNet50"


class CompactAudio(Encoder):
    """A small CNN, for the sample corpus."""

    kind: Literal["compact"]
    implementation: ClassVar[str] = "rjcma.encoders.compact_audio:CompactAudio"


class VGGish(Encoder):
    """The paper's audio encoder (section 3.2)."""

    kind: Literal["vggish"]
    implementation: ClassVar[str] = "rjcma.encoders.vggish:VGGish"


class Lora(Section):
    """Low-rank adapters, which are trained in place of the model's own weights."""

    rank: int = Field(8, ge=1)
    """The rank of the matrix that is added to the weights of a layer."""
    alpha: float = Field(16.0, gt=0)
    """That matrix is multiplied by alpha / rank."""

    implementation: ClassVar[str] = "rjcma.encoders.lora"
    """The module that inserts them."""


class Transformers(Encoder):
    """A model of `transformers`, which brings its own weights."""

    kind: Literal["transformers"]
    weights: Annotated[str, NotKeyed] = NONE
    """A model's folder, its name on the Hugging Face hub, or package:<Python package with it>. It
    must be given."""
    layers: tuple[Annotated[int, Field(ge=-999, le=999)], ...] | None = Field(None, min_length=1)
    """Numbers of layers, whose states are averaged: 0 is the input of the first block, 1 the output
    of the first block, -1 that of the last. null: the model's own output (ours): that of its last
    block, in most models after their last norm, in CLIP's vision tower before it."""
    checkpointing: Annotated[bool, NotKeyed] = True
    """Whether training computes what is within a block again, in place of keeping it, which takes
    a third more time and far less memory (ours)."""
    frozen_embeddings: bool = True
    """Whether training leaves what comes before the first block as it is; if not, it is released
    with the first third of the blocks, last of all."""
    lora: Lora | None = None
    """Low-rank adapters of the linear layers of attention (`pip install "rjcma[lora]"`), released
    by thirds like blocks, which are then not trained themselves; null: none."""

    def model_post_init(self, context: object, /) -> None:
        """Refuse adapters that nothing trains."""
        if self.lora is not None and self.mode == "precompute":
            raise ValueError("lora: null in mode precompute, in which nothing is trained")


class TransformersVisual(Transformers):
    """Any image model: ViT, DINOv2, CLIP's vision tower, ConvNeXt, Swin, BEiT and others."""

    mode: Literal["finetune", "precompute"] = "precompute"
    output: Literal["patches", "class", "pooled"] = "patches"
    """patches: the mean over the patches, which every model has (ours); class: the class token;
    pooled: what the model itself makes of its last layer, so only without `layers`."""
    crop: int = Field(40, ge=8)
    """Pixels that training cuts at random from a stored crop, and prediction from its middle (the
    paper: 40 of 48). In mode precompute, the whole crop is read."""
    implementation: ClassVar[str] = "rjcma.encoders.image_model:ImageModel"
    encodes: ClassVar[str] = "rjcma.encoders.encode_faces:encode_clip"


class TransformersAudio(Transformers):
    """A speech model that reads sound: wav2vec 2, HuBERT, WavLM, Whisper's encoder and others."""

    mode: Literal["finetune", "precompute"] = "precompute"
    implementation: ClassVar[str] = "rjcma.encoders.speech_encoder:SpeechEncoder"
    encodes: ClassVar[str] = "rjcma.encoders.encode_sound:encode_video"
    reads: ClassVar[Literal["frames", "whole"]] = "whole"


class Encoders(Section):
    """The encoders of both modalities, and how stage `encode` runs them."""

    visual: Annotated[CompactVisual | IRResNet50 | TransformersVisual, Field(discriminator="kind")]
    """The encoder of faces."""
    audio: Annotated[CompactAudio | VGGish | TransformersAudio, Field(discriminator="kind")]
    """The encoder of log-mel windows, or of sound."""
    batch: Annotated[int, NotKeyed] = Field(256, ge=1)
    """Frames that stage `encode` reads and encodes at a time (ours)."""
    device: Annotated[str, NotKeyed] = "auto"
    """The device of stage `encode`."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the products in stage `encode` (ours). bf16 and fp16 are for GPUs. Vectors are stored as
    float32."""

    renamed: ClassVar[dict[str, str]] = {
        "mode": "encoders.visual.mode and encoders.audio.mode",
        "features": "encoders.visual.mode and encoders.audio.mode",
        "encode": "encoders.visual.mode and encoders.audio.mode",
    }

    def of(self, modality: str) -> Encoder | None:
        """The encoder of a modality, or None if it has none."""
        encoder: Encoder | None = getattr(self, modality, None)
        return encoder

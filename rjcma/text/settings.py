"""The params sections `punctuation` and `text`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from rjcma.params import NotKeyed, Section

FULLSTOP = "oliverguhr/fullstop-punctuation-multilang-large"
"""The default model of the package deepmultilingualpunctuation, which the paper uses (4.1)."""


class MultilingualSettings(Section):
    """Punctuation by the package deepmultilingualpunctuation, the paper's (4.1)."""

    engine: Literal["deepmultilingualpunctuation"]
    model: Annotated[str, NotKeyed] = FULLSTOP
    """A model's folder, its name on the hub, or package:<Python package that contains it>."""
    device: Annotated[str, NotKeyed] = "auto"

    implementation: ClassVar[str] = "rjcma.text.multilingual:engine"

    @field_validator("model", mode="before")
    @classmethod
    def _named(cls, model: object) -> object:
        if not model:
            raise ValueError(f"a model's folder or hub name, such as {FULLSTOP}")
        return model


class PausesSettings(Section):
    """Punctuation by the gaps between words, which needs no model."""

    engine: Literal["pauses"]
    model: Annotated[str | None, NotKeyed] = None
    """Ignored. A name given for another engine may stay."""
    device: Annotated[str, NotKeyed] = "auto"
    """Ignored."""
    comma_pause: float = Field(0.3, gt=0)
    """Seconds of silence that are written as a comma (ours, by ear on real English)."""
    stop_pause: float = Field(0.6, gt=0)
    """Seconds of silence that are written as a full stop (ours)."""

    implementation: ClassVar[str] = "rjcma.text.pauses:engine"

    @field_validator("stop_pause")
    @classmethod
    def _longer(cls, stop_pause: float, info: ValidationInfo) -> float:
        if stop_pause < info.data.get("comma_pause", 0):
            raise ValueError("a pause at least as long as comma_pause")
        return stop_pause


Punctuation = Annotated[MultilingualSettings | PausesSettings, Field(discriminator="engine")]


class Text(Section):
    """How words become vectors: the section `text`."""

    model: Annotated[str, NotKeyed] = Field("bert-base-uncased", min_length=1)
    """A text encoder's folder, its name on the hub, or package:<Python package that contains it>.
    The paper says BERT (4.1); the released code has 768 text features, as bert-base does."""

    layers: tuple[Annotated[int, Field(ge=-999, le=999)], ...] | None = Field(None, min_length=1)
    """Numbers of layers: 0 is the input of the first block, 1 the output of the first block, -1
    that of the last. null: the last four (the paper, 4.1)."""

    combine: Literal["sum", "mean", "concat"] = "sum"
    """What is made of these layers' vectors: their sum (the paper), their mean, or one vector of
    all, one after the other."""

    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the network's numbers (ours). bf16 and fp16 are for GPUs. Vectors are float32."""

    device: Annotated[str, NotKeyed] = "auto"

    batch: int = Field(8, ge=1)
    """Windows that go through BERT at once (ours)."""

    window: int = Field(512, ge=8)
    """Sub-words of a window, BERT's two special tokens included (512: what BERT reads at once,
    Devlin et al., 2019); fewer if the model allows fewer."""

    added: ClassVar[tuple[str, ...]] = ("layers", "combine", "precision")

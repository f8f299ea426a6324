"""The params sections `punctuation` and `text`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from rjcma.params import Section

FULLSTOP = "oliverguhr/fullstop-punctuation-multilang-large"
"""The default model of the package deepmultilingualpunctuation, which the paper uses (4.1)."""

SUBWORDS = 512
"""What BERT reads at once, its two marks included (Devlin et al., 2019)."""


class Punctuation(Section):
    """How words get their punctuation: the section `punctuation`."""

    engine: Literal["deepmultilingualpunctuation", "pauses"] = "deepmultilingualpunctuation"
    """The paper's package (4.1), or the gaps between words, which need no model."""

    model: str | None = FULLSTOP
    """A model's folder, its name on the hub, or package:<Python package>; unused by `pauses`."""

    device: str = "auto"

    comma_pause: float = Field(0.3, gt=0)
    """Seconds of silence that `pauses` writes as a comma (ours, by ear on real English)."""

    stop_pause: float = Field(0.6, gt=0)
    """Seconds of silence that `pauses` writes as a full stop (ours)."""

    @field_validator("model")
    @classmethod
    def _named(cls, model: str | None, info: ValidationInfo) -> str | None:
        if not model and info.data.get("engine") == "deepmultilingualpunctuation":
            raise ValueError(f"a model's folder or hub name, such as {FULLSTOP}")
        return model

    @field_validator("stop_pause")
    @classmethod
    def _longer(cls, stop_pause: float, info: ValidationInfo) -> float:
        if stop_pause < info.data.get("comma_pause", 0):
            raise ValueError("a pause at least as long as comma_pause")
        return stop_pause


class Text(Section):
    """How words become vectors: the section `text`."""

    model: str = Field("bert-base-uncased", min_length=1)
    """A BERT's folder, its name on the hub, or package:<Python package that carries it>. The paper
    says BERT (4.1), its released code has 768 text features: bert-base."""

    device: str = "auto"

    batch: int = Field(8, ge=1)
    """Windows that go through BERT at once (ours)."""

    window: int = Field(SUBWORDS, ge=8)
    """Sub-words of a window, BERT's two marks included; fewer where the model allows fewer."""

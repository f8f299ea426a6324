"""Section `fusion` of the params file, and the top-level `recursions`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from rjcma.params import Section

Modality = Literal["visual", "audio", "text"]

Recursions = Annotated[int, Field(ge=1, strict=True)]
"""The paper's l, how often the attention is applied: 3 in its experiments, 1 is JCA (table 3).

The released code has 2 of its layers. Kinds of fusion without recursion leave it unread.
"""


class Widths(Section):
    """d_v, d_a and d_t: features a frame that a modality's TCN gives (the released code's)."""

    visual: int = Field(default=256, ge=1)
    audio: int = Field(default=128, ge=1)
    text: int = Field(default=128, ge=1)


class Absence(Section):
    """How often a window is trained on without a modality (ours; 0: the paper).

    A modality that is easily learnt by heart, as the words of a small corpus are, else leaves the
    others nothing to learn from.
    """

    visual: float = Field(default=0, ge=0, lt=1)
    audio: float = Field(default=0, ge=0, lt=1)
    text: float = Field(default=0, ge=0, lt=1)


class Fusion(Section):
    """How the modalities are modelled in time, fused, and mapped to a value a frame."""

    kind: Literal["rjcma", "leader_follower", "transformer", "concat"] = "rjcma"
    """The paper's fusion, or what its table 2 compares it with, on the same features and recipe."""
    variant: Literal["paper", "released"] = "paper"
    """The paper's equations, or what the authors' released code computes (two `recursions` there).

    Only kind `rjcma` has variants: the others leave this unread.
    """
    modalities: tuple[Modality, ...] = ("visual", "audio", "text")
    """Those that take part: any of them, at least one."""
    widths: Widths = Field(default_factory=Widths)
    absence: Absence = Field(default_factory=Absence)
    hidden: int = Field(128, ge=1)
    """Units in the MLP's hidden layer (ours: the paper names no size)."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """In the TCNs (the released code's 0.1), in the MLP, and in kinds that name no other."""
    layers: int = Field(2, ge=1)
    """Of kind `transformer` (ours: the paper names no size)."""
    heads: int = Field(4, ge=1)
    """Of kind `transformer` (ours)."""

    @field_validator("modalities")
    @classmethod
    def _some_once(cls, modalities: tuple[Modality, ...]) -> tuple[Modality, ...]:
        if not modalities or len(set(modalities)) < len(modalities):
            raise ValueError("at least one of visual, audio, text, each once")
        return modalities

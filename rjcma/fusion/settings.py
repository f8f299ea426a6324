"""Section `fusion` of the params file, and the top-level `recursions`.

A new kind of fusion needs a module in this package, and here a class, or a name in the class whose
settings it shares. The union `Fusion` counts in the keys of runs, and classes do not: another name
in a class leaves the runs of all other kinds as they are.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from rjcma.params import Section

Modality = Literal["visual", "audio", "text"]

Recursions = Annotated[int, Field(ge=1, strict=True)]
"""The paper's l, the number of times the attention is applied.

It is 3 in the paper's experiments; 1 is JCA (table 3). The released code has 2 layers.
"""


class Widths(Section):
    """d_v, d_a and d_t: features per frame from each modality's TCN (the released code's)."""

    visual: int = Field(default=256, ge=1)
    audio: int = Field(default=128, ge=1)
    text: int = Field(default=128, ge=1)


class DropoutRates(Section):
    """A dropout probability for each modality."""

    visual: float = Field(default=0, ge=0, lt=1)
    audio: float = Field(default=0, ge=0, lt=1)
    text: float = Field(default=0, ge=0, lt=1)


class AnyFusion(Section):
    """The settings that all kinds of fusion share, with those of the TCNs and regression layers."""

    modalities: tuple[Modality, ...] = ("visual", "audio", "text")
    """The modalities that are used: at least one."""
    widths: Widths = Widths()
    modality_dropout: DropoutRates = DropoutRates()
    """Probability that a window is trained on without a modality (ours; 0: the paper). Without it,
    the others learn little when one overfits early, as the words of a small corpus do."""
    hidden: int = Field(128, ge=1)
    """Units in the MLP's hidden layer (ours: the paper gives no size)."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """In the TCNs (the released code's 0.1), in the MLP, and in kinds that set no other value."""
    kind: str
    """Narrowed to its own names by each class."""

    implementations: ClassVar[dict[str, str]]
    """The class of each kind, as `module:name`."""
    recursive: ClassVar[bool] = False
    """Whether the kind applies its attention `recursions` times."""
    renamed: ClassVar[dict[str, str]] = {
        "absence": "fusion.modality_dropout",
        "variant": "fusion.kind, rjcma for the paper's equations or released for the code's",
    }

    @property
    def implementation(self) -> str:
        """The class of this kind, as `module:name`."""
        return self.implementations[self.kind]

    @field_validator("modalities")
    @classmethod
    def _at_least_one_once(cls, modalities: tuple[Modality, ...]) -> tuple[Modality, ...]:
        if not modalities or len(set(modalities)) < len(modalities):
            raise ValueError("at least one of visual, audio, text, each once")
        return modalities


class RJCMASettings(AnyFusion):
    """The paper's equations, and the same with gates over their recursions (the successors')."""

    kind: Literal["rjcma", "rjcma_dynamic", "rjcma_gated", "rjcma_hierarchical"]
    implementations: ClassVar[dict[str, str]] = {
        "rjcma": "rjcma.fusion.rjcma:RJCMA",
        "rjcma_dynamic": "rjcma.fusion.gated_rjcma:Dynamic",
        "rjcma_gated": "rjcma.fusion.gated_rjcma:Gated",
        "rjcma_hierarchical": "rjcma.fusion.gated_rjcma:Hierarchical",
    }
    recursive: ClassVar[bool] = True


class ReleasedSettings(AnyFusion):
    """The authors' released code, and the same with gates over its layers (the successors')."""

    kind: Literal["released", "released_dynamic", "released_gated", "released_hierarchical"]
    implementations: ClassVar[dict[str, str]] = {
        "released": "rjcma.fusion.released:Released",
        "released_dynamic": "rjcma.fusion.gated_released:Dynamic",
        "released_gated": "rjcma.fusion.gated_released:Gated",
        "released_hierarchical": "rjcma.fusion.gated_released:Hierarchical",
    }
    recursive: ClassVar[bool] = True


class LeaderFollowerSettings(AnyFusion):
    """A method that the paper compares with (table 2, [41, 47])."""

    kind: Literal["leader_follower"]
    implementations: ClassVar[dict[str, str]] = {
        "leader_follower": "rjcma.fusion.leader_follower:LeaderFollower"
    }


class TransformerSettings(AnyFusion):
    """A transformer encoder over time (the paper's table 2)."""

    kind: Literal["transformer"]
    layers: int = Field(2, ge=1)
    """Ours: the paper gives no size."""
    heads: int = Field(4, ge=1)
    """Ours."""
    implementations: ClassVar[dict[str, str]] = {
        "transformer": "rjcma.fusion.transformer:Transformer"
    }


class ConcatSettings(AnyFusion):
    """No fusion: features are concatenated."""

    kind: Literal["concat"]
    implementations: ClassVar[dict[str, str]] = {"concat": "rjcma.fusion.concat:Concat"}


Fusion = Annotated[
    RJCMASettings
    | ReleasedSettings
    | LeaderFollowerSettings
    | TransformerSettings
    | ConcatSettings,
    Field(discriminator="kind"),
]
"""The paper's fusion or one to compare with it, on the same features and training settings."""

"""The section `runs`: which runs are trained and reported."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from rjcma.corpus.settings import VALENCE_AROUSAL, Target
from rjcma.params import Section


class Runs(Section):
    """One run is trained for each target and fold. The paper has both targets and folds 0 to 5."""

    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = tuple(VALENCE_AROUSAL)
    folds: Annotated[tuple[Annotated[int, Field(ge=0, strict=True)], ...], Field(min_length=1)] = (
        tuple(range(6))
    )
    attention: Annotated[int, Field(ge=0)] | None = 4
    """Windows of a clip whose attention is kept for the report, spread evenly; null for all, 0 for
    none (ours). A window takes about 40 kB in the report for each target."""

    @field_validator("targets", "folds")
    @classmethod
    def _each_once(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) != len(values):
            raise ValueError("each of them once")
        return values

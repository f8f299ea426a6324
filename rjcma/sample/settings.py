"""The params section `sample`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rjcma.params import Section

Layout = Literal["affwild2", "recola", "muse"]


class Sample(Section):
    """The corpus that stage `sample` makes; all numbers are ours."""

    seed: int = Field(1, ge=0)
    """Seed of everything random: states, people, sentences, noise."""

    layout: Layout = "affwild2"
    """The corpus whose form the files have: the same clips, but other annotations of them."""

    videos: list[str] | None = Field(None, min_length=1)
    """Names of the videos to make; null makes all of them."""

    clips: int | None = Field(None, ge=20, le=9999)
    """How many clips there are: the cast's 20 (see rjcma/sample/cast.py), which null makes alone,
    and then drawn ones (see rjcma/sample/crowd.py). The clips of fewer are among those of more."""

    people: int | None = Field(None, ge=1, le=9999)
    """How many people the drawn clips show, in turn; null: another one in each."""

    length: float = Field(1.0, ge=0.1, le=10)
    """Factor on the length of every video, for quick trials."""

    @model_validator(mode="after")
    def _people_are_of_drawn_clips(self) -> Sample:
        if self.people is not None and self.clips is None:
            raise ValueError("people with clips only: they are those of the drawn clips")
        return self

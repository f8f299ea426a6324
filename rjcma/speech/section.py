"""The params section `speech`: the speech recogniser."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from rjcma.jobs.workers import Workers
from rjcma.params import NotKeyed, Section
from rjcma.speech.settings import PocketSphinxSettings, VoskSettings


class WhisperSettings(Section):
    """Whisper (Radford et al., 2023) by `transformers`: many languages, words with their times."""

    engine: Literal["whisper"]
    model: Annotated[str, NotKeyed]
    """A model's folder, its name on the Hugging Face hub, or package:<Python package with it>."""
    language: str | None = Field(None, min_length=2)
    """The code of the language that is spoken, as the model knows it: en, de, zh. null: the one
    that the model finds in the video's first 30 s of speech, for the whole video."""
    device: Annotated[str, NotKeyed] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the network's numbers (ours). bf16 and fp16 are for GPUs."""

    implementation: ClassVar[str] = "rjcma.speech.whisper_engine:Whisper"
    workers: ClassVar[Workers] = "processes"

    @field_validator("model", mode="before")
    @classmethod
    def _named(cls, model: object) -> object:
        if not model:
            raise ValueError("a model's folder, or its name on the Hugging Face hub")
        return model


Speech = Annotated[
    VoskSettings | PocketSphinxSettings | WhisperSettings, Field(discriminator="engine")
]

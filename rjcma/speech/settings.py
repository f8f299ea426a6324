"""Recognisers of which nothing but the model is chosen (section `speech` of the params file).

The section with all recognisers is `Speech` of `rjcma.speech.section`. To add one, write a module
beside these, and a class there; a change of this module would make the words of these two again.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from rjcma.jobs.workers import Workers
from rjcma.params import NotKeyed, Section

PAPERS_MODEL = "models/vosk-model-en-us-0.22"
"""The folder of the model that the paper uses (footnote 2)."""


class VoskSettings(Section):
    """Vosk (Kaldi), the paper's recogniser (section 4.2.1)."""

    engine: Literal["vosk"]
    model: Annotated[str, NotKeyed] = PAPERS_MODEL
    """The folder of its model."""

    implementation: ClassVar[str] = "rjcma.speech.vosk_engine:Vosk"
    workers: ClassVar[Workers] = "threads"  # all share one loaded model

    @field_validator("model", mode="before")
    @classmethod
    def _named(cls, model: object) -> object:
        if not model:
            raise ValueError(f"a model's folder, such as {PAPERS_MODEL}")
        return model


class PocketSphinxSettings(Section):
    """PocketSphinx: real English, nothing to download, many errors."""

    engine: Literal["pocketsphinx"]
    model: Annotated[str | None, NotKeyed] = None
    """Ignored: the engine has its own model. A name given for another engine may stay."""

    implementation: ClassVar[str] = "rjcma.speech.pocketsphinx_engine:PocketSphinx"
    workers: ClassVar[Workers] = "processes"


Speech = Annotated[VoskSettings | PocketSphinxSettings, Field(discriminator="engine")]
"""One of these two, which `rjcma.speech.transcribe` is given."""

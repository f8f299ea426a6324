"""The params section `speech`, and the recognisers that it may name."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from rjcma.params import Section
from rjcma.speech.engine import Engine
from rjcma.speech.pocketsphinx_engine import PocketSphinx
from rjcma.speech.vosk_engine import Vosk

ENGINES: dict[str, type[Engine]] = {
    "vosk": Vosk,
    "pocketsphinx": PocketSphinx,
}
"""The recognisers by name; a new one is a module beside these and a line here."""


class Speech(Section):
    """Which recogniser hears the words: the section `speech`."""

    engine: str = "vosk"
    """The paper's is Vosk (section 4.2.1)."""

    model: str | None = Field(Vosk.example, validate_default=True)
    """The folder of the engine's model, the paper's (footnote 2); pocketsphinx carries its own."""

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        if engine not in ENGINES:
            raise ValueError(f"one of {', '.join(ENGINES)}")
        return engine

    @field_validator("model")
    @classmethod
    def _suited(cls, model: str | None, info: ValidationInfo) -> str | None:
        """None for an engine that carries its own, whatever the file says; so no key changes."""
        engine = ENGINES.get(info.data.get("engine", ""))
        if engine is None or engine.example is None:
            return None
        if not model:
            raise ValueError(f"a model's folder, such as {engine.example}")
        return model

    def chosen(self) -> Engine:
        """The engine, its model not yet loaded."""
        return ENGINES[self.engine](self.model)

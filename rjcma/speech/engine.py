"""What a speech recogniser is to this project: sound in, words out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from rjcma.speech.sound import Sound
from rjcma.speech.words import Word


@dataclass(frozen=True)
class Engine(ABC):
    """A recogniser. Picklable and cheap: what is heavy is loaded at the first use in a process."""

    model: str | None = None
    """The folder of its model; None for an engine that carries its own."""

    workers: ClassVar[Literal["processes", "threads"]]
    """What shares its work best; threads where one loaded model serves many."""

    example: ClassVar[str | None] = None
    """A model's folder to name in advice; None for an engine that carries its own."""

    @abstractmethod
    def identity(self) -> str:
        """What its words depend on beside the sound: the model by content, the library's version.

        Raises `Problem` for a model that is missing or not whole.
        """

    @abstractmethod
    def words(self, sound: Sound) -> list[Word]:
        """Every word, first to last; none where nothing is heard. The same sound, the same words,
        whatever was heard before."""

"""What a speech recogniser is to this project: sound in, words out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from rjcma.speech.sound import Sound
from rjcma.speech.words import Word


@dataclass(frozen=True)
class Engine(ABC):
    """A recogniser. Picklable and cheap: what is heavy is loaded at the first use in a process."""

    model: str | None = None
    """The folder of its model; an engine that carries its own does not look at it."""

    @abstractmethod
    def words(self, sound: Sound) -> list[Word]:
        """Every word, first to last; none where nothing is heard. The same sound, the same words,
        whatever was heard before."""

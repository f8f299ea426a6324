"""The interface of speech recognisers: sound in, words out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from rjcma.speech.sound import Sound
from rjcma.speech.words import Word


@dataclass(frozen=True)
class Engine(ABC):
    """A recogniser. Picklable and cheap: its model is loaded at the first use in a process."""

    model: str | None = None
    """The folder of its model; an engine with a built-in model ignores it."""

    @abstractmethod
    def words(self, sound: Sound) -> list[Word]:
        """Every word, first to last; none if nothing is recognised.

        The words depend on this sound only, not on sounds recognised before.
        """

"""From a video's sound to a file of words."""

from __future__ import annotations

import pkgutil
from pathlib import Path

from rjcma.speech import words
from rjcma.speech.engine import Engine
from rjcma.speech.settings import Speech
from rjcma.speech.sound import Sound


def transcribe(settings: Speech, sound: Sound, out: Path) -> None:
    """Recognise the words of a sound with the engine of the settings, and write them to `out`."""
    words.write(out, engine(settings).words(sound))


def engine(settings: Speech) -> Engine:
    """The engine that the settings name, its model not yet loaded."""
    kind: type[Engine] = pkgutil.resolve_name(settings.implementation)
    return kind(settings.model)

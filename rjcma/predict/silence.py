"""No words, where none are to be recognised."""

from __future__ import annotations

from pathlib import Path

from rjcma.speech import words


def no_words(path: Path) -> None:
    """Write the words of a video in which nobody speaks."""
    words.write(path, [])

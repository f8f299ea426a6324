"""Punctuation from the gaps between words: the engine `pauses`, which needs no model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise

from rjcma.speech.words import Word
from rjcma.text.settings import PausesSettings
from rjcma.timeline import Seconds


def engine(settings: PausesSettings) -> Callable[[Sequence[Word]], list[str]]:
    """`marks`, with the pauses of the settings."""
    return functools.partial(marks, comma=settings.comma_pause, stop=settings.stop_pause)


def marks(words: Sequence[Word], *, comma: Seconds, stop: Seconds) -> list[str]:
    """The mark after each word: a comma or a full stop by the silence that follows it.

    A silence of at least `comma` gives a comma, of at least `stop` a full stop; the last word gets
    a full stop. No word gets a question mark.

    >>> words = [Word("no", 0.0, 0.2, 1.0), Word("you", 0.5, 0.6, 1.0), Word("cannot", 0.6, 1, 1.0)]
    >>> marks(words, comma=0.25, stop=0.6)
    [',', '', '.']
    """
    gaps = [after.start - word.end for word, after in pairwise(words)]
    between = ["." if gap >= stop else "," if gap >= comma else "" for gap in gaps]
    return [*between, "."][: len(words)]

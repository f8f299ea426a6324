"""Punctuation and capitals for recognised words; each word keeps its times."""

from __future__ import annotations

import functools
import pkgutil
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rjcma.problem import Problem
from rjcma.speech.words import Word, read, write
from rjcma.text.settings import Punctuation

SENTENCE_ENDS = (".", "?", "!")
ENDS = (*SENTENCE_ENDS, ",", ":", ";", "-", "…")

Engine = Callable[[Sequence[Word]], list[str]]
"""Gives the mark that follows each word, "" for none."""


def punctuate(settings: Punctuation, path: Path, out: Path) -> None:
    """Write to `out` the words of the file `path`, punctuated."""
    words = read(path)
    write(out, punctuated(words, engine(settings)(words) if words else []))


@functools.lru_cache(maxsize=1)
def engine(settings: Punctuation) -> Engine:
    """The engine that the settings name, with its model loaded; the last one is cached."""
    built: Engine = pkgutil.resolve_name(settings.implementation)(settings)
    return built


def punctuated(words: Sequence[Word], marks: Sequence[str]) -> list[Word]:
    """The words, each with its mark attached, and with capitals where sentences begin.

    A word that already ends in a mark gets no second one. Raises `Problem` unless there is exactly
    one mark per word.

    >>> words = [Word("am", 0.0, 0.1, 1.0), Word("i", 0.1, 0.2, 1.0), Word("yes", 0.5, 0.9, 1.0)]
    >>> [word.text for word in punctuated(words, ["", "?", "."])]
    ['Am', 'I?', 'Yes.']
    """
    if len(marks) != len(words):
        raise Problem(
            found=f"{len(marks)} marks of punctuation",
            expected=f"one for each of {len(words)} words",
            cure="report this with the file of words, or set punctuation.engine to pauses",
        )
    result, begins = [], True
    for word, mark in zip(words, marks):
        text = word.text if word.text.endswith(ENDS) else word.text + mark
        text = capital(text) if begins or _is_i(word.text) else text
        begins = text.endswith(SENTENCE_ENDS)
        result.append(Word(text, word.start, word.end, word.confidence))
    return result


def capital(text: str) -> str:
    """The word with its first letter as a capital; one that begins with a digit stays as it is.

    >>> capital("'tis"), capital("3rd"), capital("élan")
    ("'Tis", '3rd', 'Élan')
    """
    letter = re.search(r"[^\W_]", text)
    if letter is None:
        return text
    at = letter.start()
    return text[:at] + text[at].title() + text[at + 1 :]


def _is_i(text: str) -> bool:
    """Whether it is "i", or "i'm", "i'll" and the like.

    >>> _is_i("i"), _is_i("i've"), _is_i("in")
    (True, True, False)
    """
    return re.fullmatch(r"i([^\w].*)?", text, re.DOTALL) is not None

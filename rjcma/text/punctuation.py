"""Punctuation and capitals for recognised words, which stay one to one with their times."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rjcma import clipwise, device
from rjcma.params import dumped
from rjcma.problem import Problem
from rjcma.speech.words import Word, read, write
from rjcma.text import multilingual, pauses, pretrained
from rjcma.text.settings import Punctuation

VERSION = 1
"""Of what a transcript holds; raised when the same words would come out otherwise."""

SENTENCE_ENDS = (".", "?", "!")
ENDS = (*SENTENCE_ENDS, ",", ":", ";", "-", "…")

Engine = Callable[[Sequence[Word]], list[str]]
"""Gives the mark that follows each word, "" where none."""


def punctuate_all(words: Path, out: Path, settings: Punctuation) -> None:
    """Write `out/<video>.json`, punctuated, for each `words/<video>.json`."""
    if not words.is_dir():
        raise Problem(
            file=words,
            found="no such folder",
            expected="a folder of words, one JSON file a video",
            cure="run stage transcribe first",
        )
    jobs = [
        clipwise.Job(path.stem, (path,), (clipwise.digest_file(path),))
        for path in sorted(words.glob("*.json"))
    ]
    make = functools.partial(punctuate_file, settings)
    asked = (dumped(settings), _identity(settings))
    clipwise.run(make, jobs, out, ".json", version=VERSION, settings=asked, workers="one")


def punctuate_file(settings: Punctuation, path: Path, out: Path) -> None:
    """Write to `out` the words of the file `path`, punctuated."""
    words = read(path)
    write(out, punctuated(words, engine(settings)(words) if words else []))


@functools.lru_cache(maxsize=1)
def engine(settings: Punctuation) -> Engine:
    """The engine that the params name, its model loaded; the last one is kept."""
    if settings.engine == "pauses":
        return functools.partial(pauses.marks, comma=settings.comma_pause, stop=settings.stop_pause)
    assert settings.model
    model = multilingual.Multilingual(settings.model, device.choose(settings.device))
    return lambda words: model.marks([word.text for word in words])


def punctuated(words: Sequence[Word], marks: Sequence[str]) -> list[Word]:
    """The words with each its mark attached, and capitals where sentences begin.

    A word that ends in a mark already keeps it and gets no second one. Raises `Problem` unless
    there is exactly one mark a word.

    >>> words = [Word("am", 0.0, 0.1, 1.0), Word("i", 0.1, 0.2, 1.0), Word("yes", 0.5, 0.9, 1.0)]
    >>> [word.text for word in punctuated(words, ["", "?", "."])]
    ['Am', 'I?', 'Yes.']
    """
    if len(marks) != len(words):
        raise Problem(
            found=f"{len(marks)} marks of punctuation",
            expected=f"one for each of {len(words)} words",
            cure="report this with the file of words; engine: pauses does without the model",
        )
    result, begins = [], True
    for word, mark in zip(words, marks):
        text = word.text if word.text.endswith(ENDS) else word.text + mark
        text = capital(text) if begins or _is_i(word.text) else text
        begins = text.endswith(SENTENCE_ENDS)
        result.append(Word(text, word.start, word.end, word.confidence))
    return result


def capital(text: str) -> str:
    """The word with its first letter large, if it begins with one ("'tis", "3rd" stays).

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


def _identity(settings: Punctuation) -> str:
    """What tells the engine's model from any other; fails early where something is missing."""
    if settings.engine == "pauses":
        return ""
    assert settings.model
    device.choose(settings.device)
    return pretrained.identity(settings.model, key=multilingual.KEY)

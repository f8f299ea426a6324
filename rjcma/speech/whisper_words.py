"""Whisper's tokens as words: byte-level sub-words, of which the first of a word has its space."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from unicodedata import category

Decode = Callable[[Sequence[int]], str]
"""What tokens write."""

UNFINISHED = "\ufffd"
"""What bytes that are not yet a whole character are decoded to."""

LONGEST = 4
"""Bytes of the longest character in UTF-8, and so tokens that may write one."""

WITHOUT_SPACES = ("zh", "ja", "th", "lo", "my", "yue")
"""Languages that are written without spaces; their words here are as long as a token or a character
(as in Whisper's own code)."""


def grouped(tokens: Sequence[int], decode: Decode, language: str) -> list[tuple[str, range]]:
    """The words that tokens write, each with the places of its tokens.

    Marks belong to the word that they are attached to; marks alone, as notes for music, are none.

    >>> spelt = {1: " it", 2: "'s", 3: " -", 4: " so", 5: "."}
    >>> grouped([1, 2, 3, 4, 5], lambda tokens: "".join(spelt[t] for t in tokens), "en")
    [("it's", range(0, 2)), ('so.', range(3, 5))]
    """
    words: list[tuple[str, range]] = []
    for text, places in _pieces(tokens, decode):
        apart = language in WITHOUT_SPACES and _is_said(text)
        if apart or text[:1].isspace() or not words:
            words.append((text, places))
        else:
            before, since = words[-1]
            words[-1] = (before + text, range(since.start, places.stop))
    plain = [("".join(filter(_is_kept, text)), places) for text, places in words]
    return [(text, places) for text, places in plain if _is_said(text)]


def _is_kept(character: str) -> bool:
    """Whether a character may be in a word: no space, control character or broken byte."""
    return not (character.isspace() or category(character) == "Cc" or character == UNFINISHED)


def _is_said(text: str) -> bool:
    """Whether a text has letters or digits."""
    return any(map(str.isalnum, text))


def _pieces(tokens: Sequence[int], decode: Decode) -> Iterator[tuple[str, range]]:
    """What single tokens write; those that write parts of a character are taken together."""
    start = 0
    for place, token in enumerate(tokens):
        whole = UNFINISHED not in decode([token])
        if whole and start < place:  # bytes before it that are no character
            yield decode(tokens[start:place]), range(start, place)
            start = place
        text = decode(tokens[start : place + 1])
        is_last = place + 1 == len(tokens)
        if UNFINISHED not in text or place + 1 - start == LONGEST or is_last:
            yield text, range(start, place + 1)
            start = place + 1

"""Long sound in overlapping windows, and one sequence of words from the words of all windows.

Whisper reads windows of 30 seconds. Neighbours overlap by a third, so that each word is heard
whole, with sound on both sides, in at least one of them. In the overlap both heard the same words,
most of them at the same time: they are aligned, and the seam is the word nearest to the middle of
the overlap on which both agree. What the earlier window heard up to this word is taken, and what
the later one heard after it; so no word is lost, and none is there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.speech.words import Word
from rjcma.timeline import Seconds

PARTS = 3
"""A window has so many parts, of which it shares one with each neighbour (ours)."""

SAME: Seconds = 0.5
"""Words are the same only if less lies between their times in both windows (ours)."""

Samples = NDArray[np.int16]


class Window(NamedTuple):
    """A part of the sound."""

    start: int
    """The number of its first sample."""
    samples: Samples


class Overlap(NamedTuple):
    """What two neighbouring windows share, in seconds."""

    start: Seconds
    end: Seconds


def windows(parts: Iterable[bytes], length: int) -> Iterator[Window]:
    """The windows of a sound, `length` samples each, from its parts of `length // PARTS` samples.

    The last one ends with the sound and may be shorter. Two windows are held in memory at most.
    """
    start, held = 0, np.zeros(0, np.int16)
    for part in parts:
        if len(held) == length:
            yield Window(start, held)
            step = length - length // PARTS
            start, held = start + step, held[step:]
        held = np.concatenate([held, np.frombuffer(part, "<i2").astype(np.int16)])
    if len(held):
        yield Window(start, held)


def extend(words: list[Word], new: Sequence[Word], shared: Overlap) -> None:
    """Add to the words so far those of the next window; `shared` is what it has in common.

    If the two agree on no word of the overlap, words up to its middle are those of the earlier
    window, and words after it those of the later one. If one of them heard nothing in the overlap,
    the other's words are taken.
    """
    first = len(words)
    while first and words[first - 1].end > shared.start:
        first -= 1
    last = next((n for n, word in enumerate(new) if word.start >= shared.end), len(new))
    words[first:] = [*_of_overlap(words[first:], new[:last], shared), *new[last:]]


def _of_overlap(left: Sequence[Word], right: Sequence[Word], shared: Overlap) -> list[Word]:
    if not left or not right:
        return [*left, *right]
    middle = (shared.start + shared.end) / 2
    pairs = _aligned(left, right)
    if not pairs:
        return _by_time(left, right, middle)
    at, to = min(pairs, key=lambda pair: abs(_middle(left[pair[0]]) - middle))
    return [*left[: at + 1], *right[to + 1 :]]


def in_order(words: Iterable[Word], seconds: Seconds) -> list[Word]:
    """The words with times that never go back and end within the sound, of `seconds`."""
    result: list[Word] = []
    at = 0.0
    for word in words:
        start = min(max(word.start, at), seconds)
        at = min(max(word.end, start), seconds)
        result.append(word._replace(start=start, end=at))
    return result


def _by_time(left: Sequence[Word], right: Sequence[Word], middle: Seconds) -> list[Word]:
    """Words of the earlier window up to the middle, then those of the later one after these."""
    kept = [word for word in left if _middle(word) < middle]
    border = max([middle, *(word.end for word in kept)])
    return [*kept, *(word for word in right if _middle(word) >= border)]


def _aligned(left: Sequence[Word], right: Sequence[Word]) -> list[tuple[int, int]]:
    """The pairs of words that are the same, in order: those with the best sum of agreement."""
    best = np.zeros((len(left) + 1, len(right) + 1))
    agree = np.array([[_agreement(one, other) for other in right] for one in left])
    for i in range(len(left)):
        for j in range(len(right)):
            paired = best[i, j] + agree[i, j]
            best[i + 1, j + 1] = max(best[i, j + 1], best[i + 1, j], paired)
    pairs, i, j = [], len(left), len(right)
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs


def _agreement(one: Word, other: Word) -> float:
    """1 for the same word at the same time, 0 for another word or one that is too far away."""
    if _plain(one.text) != _plain(other.text):
        return 0.0
    apart = min(abs(one.start - other.start), abs(one.end - other.end))
    return max(0.0, 1 - apart / SAME)


def _plain(text: str) -> str:
    """A word without case and marks, which windows may write in different ways."""
    return "".join(filter(str.isalnum, text.casefold())) or text


def _middle(word: Word) -> Seconds:
    return (word.start + word.end) / 2

"""Words as captions: a line at a time, with the current word lit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from rjcma.predict.letters import Letters, is_right_to_left
from rjcma.predict.paint import ACCENT, GROUND, INK, QUIET, Colour, mixed, polygon, tint
from rjcma.speech.words import Word
from rjcma.timeline import Seconds
from rjcma.vision.pictures import Pixels

PAUSE: Seconds = 1.0
"""A pause that ends a line (ours)."""
LINGER: Seconds = 1.0
"""How long a line stays after its last word (ours)."""
LEAD: Seconds = 0.3
"""How long before its first word a line appears, if no other is shown (ours)."""
FULL = 0.5
"""The share of the room from which on a line ends with a sentence (ours)."""


class Line(NamedTuple):
    """The words of a line, and when it is shown."""

    words: tuple[Word, ...]
    start: Seconds
    end: Seconds


def lines(words: Sequence[Word], widths: Sequence[int], space: int, room: int) -> list[Line]:
    """Words in lines that are not wider than `room`, if a single word is not.

    `widths` are those of the words, and `space` is between two. A line ends at a pause, at the end
    of a sentence if it is half full, and where the next word has no room.

    >>> words = [Word("one", 0, 1, 1), Word("two", 1, 2, 1), Word("three", 2, 3, 1)]
    >>> [len(line.words) for line in lines(words, [3, 3, 5], 1, 8)]
    [2, 1]
    """
    groups: list[list[Word]] = []
    used = 0
    for word, width in zip(words, widths, strict=True):
        last = groups[-1][-1] if groups else None
        full = used + space + width > room
        ended = last is not None and last.text[-1:] in ".?!…。？！؟।" and used > FULL * room
        if last is None or full or ended or word.start - last.end > PAUSE:
            groups.append([word])
            used = width
        else:
            groups[-1].append(word)
            used += space + width
    return _timed(groups)


def _timed(groups: Sequence[Sequence[Word]]) -> list[Line]:
    """Lines that follow one another: each appears when the one before is no longer shown."""
    made: list[Line] = []
    for number, group in enumerate(groups):
        ends = max(word.end for word in group)
        following = groups[number + 1][0].start if number + 1 < len(groups) else float("inf")
        before = made[-1].end if made else 0.0
        start = min(group[0].start, max(group[0].start - LEAD, before))
        made.append(Line(tuple(group), start, max(start, min(ends + LINGER, following))))
    return made


class Captions:
    """The lines of all words, drawn where and when they are wanted."""

    def __init__(self, words: Sequence[Word], letters: Letters, room: int) -> None:
        self.letters, self.space, self.room = letters, letters.width(" "), room
        self.lines = lines(words, [letters.width(word.text) for word in words], self.space, room)
        self.starts = [line.start for line in self.lines]

    def at(self, time: Seconds) -> Line | None:
        """The line that is shown at a time."""
        number = bisect_right(self.starts, time) - 1
        return self.lines[number] if number >= 0 and time < self.lines[number].end else None

    def draw(self, image: Pixels, left: int, top: int, time: Seconds) -> None:
        """Draw the line of a time: said words white, coming ones grey, the current one lit."""
        line = self.at(time)
        if line is None:
            return
        order = line.words
        if sum(is_right_to_left(word.text) for word in order) * 2 > len(order):
            order = order[::-1]
            widths = [self.letters.width(word.text) + self.space for word in order]
            left += max(0, self.room + self.space - sum(widths))
        for word in order:
            width = self.letters.width(word.text)
            if word.start <= time < word.end:
                self._light(image, left, top, width)
            tint(image, self.letters.mask(word.text), left, top, _colour(word, time))
            left += width + self.space

    def _light(self, image: Pixels, left: int, top: int, width: int) -> None:
        """A bar below the current word."""
        high = max(2, self.letters.size // 8)
        low = top + self.letters.height + 1
        corners = [(left, low), (left + width, low), (left + width, low + high), (left, low + high)]
        polygon(image, corners, ACCENT)


def _colour(word: Word, time: Seconds) -> Colour:
    if word.start <= time < word.end:
        return ACCENT
    return INK if word.end <= time else mixed(QUIET, 0.8, GROUND)

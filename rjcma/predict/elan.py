"""A predicted clip as text that ELAN imports: a line per annotation, with tier, times and value."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rjcma.jobs.files import written
from rjcma.pages.strips import stretches
from rjcma.predict.result import Predicted
from rjcma.predict.series import NO_FACE, edges, missing, number
from rjcma.speech.words import Word
from rjcma.timeline import Seconds

STEP: Seconds = 1.0
"""The length of a segment of values (ours): ELAN shows each as a box with its text."""

HEADER = ("tier", "begin", "end", "value")


class Annotation(NamedTuple):
    """A line: a value in a tier, from `begin` to `end` in milliseconds."""

    tier: str
    begin: int
    end: int
    value: str


def write(predicted: Predicted, out: Path, step: Seconds = STEP) -> None:
    """Write the tiers of a clip, tab-delimited, UTF-8.

    Tier `words` has an annotation per word, each target's tier the mean of the folds over every
    `step` seconds, in the target's own units, and tier `face` the stretches without a face. Times
    are hours, minutes, seconds and milliseconds from the video's first frame. In a tier no two
    annotations overlap, as ELAN demands: of two words that do, the first one is cut; words that
    begin in the same millisecond are one annotation, and a word has at least a millisecond.
    """
    lines = ["\t".join(HEADER)]
    for tier, begin, end, value in tiers(predicted, step):
        lines.append("\t".join([plain(tier), clock(begin), clock(end), plain(value)]))
    with written(out, "a path for a text file") as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def tiers(predicted: Predicted, step: Seconds = STEP) -> Iterator[Annotation]:
    """All annotations, tier by tier, in the order of time."""
    yield from _words(predicted)
    for target in predicted.ranges:
        yield from _values(predicted, target, step)
    yield from _faces(predicted)


def clock(milliseconds: int) -> str:
    """A time as ELAN reads it.

    >>> clock(3_723_004)
    '01:02:03.004'
    """
    seconds, rest = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02d}:{minute:02d}:{second:02d}.{rest:03d}"


def plain(text: str) -> str:
    """A text without what would end its column or line.

    >>> plain("a\\tb\\nc")
    'a b c'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _words(predicted: Predicted) -> Iterator[Annotation]:
    """The words, cut where the next begins; those that begin together are one annotation."""
    spoken: dict[int, list[Word]] = {}
    for word in predicted.words:
        spoken.setdefault(_ms(word.start), []).append(word)
    begins = [*spoken, sys.maxsize]
    for (begin, words), following in zip(spoken.items(), begins[1:], strict=True):
        end = max(begin + 1, *(_ms(word.end) for word in words))
        text = " ".join(word.text for word in words)
        yield Annotation("words", begin, min(end, following), text)


def _values(predicted: Predicted, target: str, step: Seconds) -> Iterator[Annotation]:
    """The mean over every `step` seconds; none where no frame has a value."""
    times, mean = edges(predicted), predicted.mean(target).astype(np.float64)
    low, high = predicted.ranges[target]
    slots = np.floor((times[:-1] - times[0]) / step + 1e-9).astype(int)
    bounds = np.flatnonzero(np.diff(slots, prepend=-1, append=-1))
    for first, beyond in pairwise(bounds):
        values = mean[first:beyond][np.isfinite(mean[first:beyond])]
        begin, end = _ms(times[first]), _ms(times[beyond])
        if values.size and begin < end:
            text = number(float(values.mean()), low, high).replace("−", "-").lstrip("+")
            yield Annotation(target, begin, end, text)


def _faces(predicted: Predicted) -> Iterator[Annotation]:
    times = edges(predicted)
    for first, beyond in stretches(missing(predicted)):
        yield Annotation("face", _ms(times[first]), _ms(times[beyond]), NO_FACE)


def _ms(time: Seconds) -> int:
    return round(float(time) * 1000)

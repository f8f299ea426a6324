"""Overlapping windows over a transcript that is longer than what BERT reads at once.

Units (words, or pieces of very long ones) have lengths in sub-words. Windows hold whole units, at
most `size` sub-words, and begin half a window apart; the last ends with the transcript. Each unit
is taken from the window where it has most context. Its context is the number of sub-words before it
or after it in the window, whichever is less; a side on which the window reaches the transcript's
beginning or end has unlimited context.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Window(NamedTuple):
    """Units `start` to `stop` (not included) of a transcript."""

    start: int
    stop: int


def cut(lengths: ArrayLike, size: int) -> list[Window]:
    """Windows over units of these lengths, each of `size` sub-words at most; none for no units.

    >>> cut([2, 2, 2, 2, 2, 2, 2], size=8)
    [Window(start=0, stop=4), Window(start=2, stop=6), Window(start=3, stop=7)]
    """
    ends = _ends(lengths)
    count = len(ends) - 1
    if not count:
        return []
    if np.diff(ends).max() > size:
        raise ValueError(f"a unit of {np.diff(ends).max()} sub-words in windows of {size}")
    result, start = [], 0
    while (stop := int(np.searchsorted(ends, ends[start] + size, "right")) - 1) < count:
        result.append(Window(start, stop))
        halfway, with_next = ends[stop] - size // 2, ends[stop + 1] - size
        start = int(np.searchsorted(ends, max(halfway, with_next)))
    last = int(np.searchsorted(ends, ends[-1] - size))
    return [*result, Window(last, count)]


def best_windows(windows: Sequence[Window], lengths: ArrayLike) -> NDArray[np.int64]:
    """For each unit the number of the window where it has most context, (units,).

    >>> best_windows(cut([2] * 7, size=8), [2] * 7).tolist()
    [0, 0, 0, 1, 1, 2, 2]
    """
    ends = _ends(lengths)
    count = len(ends) - 1
    most, number = np.full(count, -1.0), np.full(count, -1)
    for k, (start, stop) in enumerate(windows):
        before = ends[start:stop] - ends[start] if start else np.inf
        after = ends[stop] - ends[start + 1 : stop + 1] if stop < count else np.inf
        context = np.broadcast_to(np.minimum(before, after), stop - start)
        better = context > most[start:stop]
        most[start:stop][better] = context[better]
        number[start:stop][better] = k
    return number


def _ends(lengths: ArrayLike) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, np.int64))])

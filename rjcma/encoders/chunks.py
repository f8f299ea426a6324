"""Long sound in overlapping chunks: which samples each one reads, and which states it gives.

A model of attention cannot read hours at once. It reads chunks of one length, each of which begins
at a whole number of strides, so that states of different chunks lie on one grid. Of the states that
two chunks share, each is taken from the chunk in which it has more sound around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

CONTEXT = 6
"""Of a chunk's length, the share that lies before and after what is used, 1 / 6 each: five seconds
of 30 (ours)."""


class Grid(NamedTuple):
    """Where a model's states are, in samples; it follows from the model's configuration."""

    stride: int
    """From each state to the next."""
    reach: int
    """Samples that the first state is computed from; no state is given for fewer."""
    centre: float
    """Of the first state: the middle of these."""

    def count(self, samples: int) -> int:
        """How many states so many samples give."""
        return max(0, (samples - self.reach) // self.stride + 1)


class Chunk(NamedTuple):
    """A part of the sound."""

    start: int
    stop: int
    """Its samples, from `start` to `stop`."""
    first: int
    beyond: int
    """The states that are taken from it, from `first` to `beyond`, counted through all sound."""


def cut(samples: int, length: int, grid: Grid) -> list[Chunk]:
    """The chunks of so many samples, each of `length` samples at most; all states are taken once.

    Neighbours overlap by two contexts; the last chunk ends with the sound and may overlap more.

    >>> [tuple(chunk) for chunk in cut(100, 60, Grid(stride=5, reach=5, centre=2))]
    [(0, 60, 0, 10), (40, 100, 10, 20)]
    """
    ranges = list(_ranges(samples, length, grid.stride))
    borders = [(before.stop + after.start) // 2 for before, after in pairwise(ranges)]
    firsts = [0, *(round(border / grid.stride) for border in borders)]
    return [
        Chunk(r.start, r.stop, first, beyond)
        for r, first, beyond in zip(ranges, firsts, [*firsts[1:], grid.count(samples)], strict=True)
    ]


def _ranges(samples: int, length: int, stride: int) -> Iterator[range]:
    """The samples of each chunk; every one begins at a multiple of the stride."""
    step = max(1, (length - 2 * (length // CONTEXT)) // stride) * stride
    start = 0
    while start + length < samples:
        yield range(start, start + length)
        start += step
    if start:
        start = -(-(samples - length) // stride) * stride
    yield range(start, samples)

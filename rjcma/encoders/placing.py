"""A speech model's states on the frames of a clip: the mean of the states within each frame.

A frame lasts until the next one; the last frame lasts 1 / fps. A frame within which there is no
state has the state nearest to its middle. States come in order, in pieces; each frame's vector is
written when its last state has come, so memory does not grow with the clip.
"""

from __future__ import annotations

from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from rjcma.manifest import Clip
from rjcma.wav import RATE

ROUNDING = 1e-6
"""Of a stride: a state that lies this close to the beginning of a frame is within it."""

States = NDArray[np.float32]
"""(states, D)."""


class Spans(NamedTuple):
    """The states of each frame: from `first` to `beyond`, (T,) each, never falling."""

    first: NDArray[np.int64]
    beyond: NDArray[np.int64]


def spans(clip: Clip, stride: int, centre: float, states: int) -> Spans:
    """The states of a clip's frames, of `states` in all, at `centre`, `centre + stride`, … samples.

    At least one state is needed. Frames after the last state have the last state.
    """
    starts, ends = edges(clip)
    places = [(times * RATE - centre) / stride - ROUNDING for times in (starts, ends)]
    first, beyond = (np.clip(np.ceil(place), 0, states).astype(np.int64) for place in places)
    middle = ((starts + ends) / 2 * RATE - centre) / stride
    nearest = np.clip(np.rint(middle), 0, states - 1).astype(np.int64)
    empty = first >= beyond
    return Spans(np.where(empty, nearest, first), np.where(empty, nearest + 1, beyond))


def edges(clip: Clip) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each frame begins and ends, in seconds, (T,) each."""
    starts = clip.frame_times()
    return starts, np.append(starts[1:], starts[-1] + 1 / clip.fps)


class Placing:
    """Writes the vectors of a clip's frames to a dataset (T, D), as states come."""

    def __init__(self, spans: Spans, dataset: h5py.Dataset) -> None:
        self.spans, self.dataset = spans, dataset
        self.done = 0
        """Frames that are written."""
        self.begun = np.zeros((0, dataset.shape[1]), np.float64)
        """Sums of the states so far of the frames after those that have some."""

    def needs(self, first: int, beyond: int) -> bool:
        """Whether any frame needs one of these states."""
        return bool(((self.spans.first < beyond) & (self.spans.beyond > first)).any())

    def take(self, first: int, states: States) -> None:
        """Take the states from number `first` on; all before it that are needed have come."""
        beyond = first + len(states)
        reached = int(np.searchsorted(self.spans.first, beyond))  # frames that have begun
        frames = slice(self.done, reached)
        low = np.maximum(self.spans.first[frames], first)
        high = np.minimum(self.spans.beyond[frames], beyond)
        counts = np.maximum(high - low, 0)
        owner = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        sums = np.zeros((len(counts), self.dataset.shape[1]), np.float64)
        sums[: len(self.begun)] = self.begun
        np.add.at(sums, owner, states[np.repeat(low, counts) + within - first])
        whole = int(np.searchsorted(self.spans.beyond, beyond, side="right")) - self.done
        lengths = (self.spans.beyond - self.spans.first)[self.done : self.done + whole]
        self.dataset[self.done : self.done + whole] = sums[:whole] / lengths[:, None]
        self.done, self.begun = self.done + whole, sums[whole:]

"""The time axis of a clip, on which labels, faces, log-mel windows and words are placed.

A clip has T frames. Frame k has a time in seconds, counted from the moment when the video's first
frame is shown. The stage that makes an item (a window, a word) also places it on the frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Seconds = float


def frame_times(
    frames: int, fps: float, presented: Sequence[Seconds] | None = None
) -> NDArray[np.float64]:
    """The time of each frame, (T,) in seconds, never decreasing; `frames` is T.

    Frame k is at `k / fps`, unless `presented` gives the times of the video's frames (if they are
    irregular). If an annotation is longer than its video, its further frames follow at 1 / fps.

    >>> frame_times(4, 10, presented=[0.0, 0.1, 0.3]).round(2).tolist()
    [0.0, 0.1, 0.3, 0.4]
    """
    if presented is None:
        return np.arange(frames) / fps
    known = np.asarray(presented[:frames], np.float64)
    last = known[-1] if known.size else -1 / fps
    beyond = last + np.arange(1, frames - known.size + 1) / fps
    return np.concatenate([known, beyond])


def item_at(times: ArrayLike, starts: ArrayLike, ends: ArrayLike) -> NDArray[np.int32]:
    """For each time, the number of the item with `start <= time < end`, or -1 if there is none.

    `starts` (sorted) and `ends` are the times of the items (words, for example). If two items
    overlap, the later one is taken. Works on all frames at once: 1,500 words and 18,000 frames
    take about a millisecond.

    >>> item_at([0.0, 0.5, 0.9, 1.0], starts=[0.4, 1.0], ends=[0.8, 1.2]).tolist()
    [-1, 0, -1, 1]
    """
    times, starts, ends = (np.asarray(a, np.float64) for a in (times, starts, ends))
    if not starts.size:
        return np.full(times.shape, -1, np.int32)
    item = np.searchsorted(starts, times, side="right") - 1
    inside = (item >= 0) & (times < ends[item])
    return np.where(inside, item, -1).astype(np.int32)

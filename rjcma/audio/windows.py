"""The log-mel window of a frame: how many rows of how many bands, and where it begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rjcma.timeline import Seconds, frame_times

ROWS_A_SECOND = 100  # of the spectrogram (VGGish)
WINDOW_ROWS = 96  # what VGGish sees of a frame: 0.96 s
BANDS = 64  # mel bands (VGGish)


def first_rows(
    frames: int, fps: float, presented: Sequence[Seconds] | None = None
) -> NDArray[np.int32]:
    """The first row of each frame's window, (T,): its time in hundredths, rounded half to even.

    Computed as `k * 100 / fps`, or from the times at which irregular frames are presented.

    >>> first_rows(4, 30).tolist()
    [0, 3, 7, 10]
    """
    if presented is None:
        rows = np.arange(frames) * ROWS_A_SECOND / fps
    else:
        rows = frame_times(frames, fps, presented) * ROWS_A_SECOND
    return np.rint(rows).astype(np.int32)

"""The log-mel window of a frame: its rows and bands, and where it begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rjcma.timeline import Seconds, frame_times

ROWS_PER_SECOND = 100  # of the spectrogram (VGGish)
WINDOW_ROWS = 96  # VGGish's input for a frame: 0.96 s
BANDS = 64  # mel bands (VGGish)


def first_rows(
    frames: int, fps: float, presented: Sequence[Seconds] | None = None, first: int = 0
) -> NDArray[np.int32]:
    """The first row of each frame's window, (T,): its time in 1/100 s, rounded half to even.

    Computed as `k * 100 / fps`, or from `presented`, the times of irregular frames; `first` is the
    number of the clip's first frame in its video.

    >>> first_rows(4, 30).tolist()
    [0, 3, 7, 10]
    """
    if presented is None:
        rows = np.arange(first, first + frames) * ROWS_PER_SECOND / fps
    else:
        rows = frame_times(first + frames, fps, presented)[first:] * ROWS_PER_SECOND
    return np.rint(rows).astype(np.int32)

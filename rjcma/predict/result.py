"""A predicted clip: each fold's prediction for every frame, the words, and where the face is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.manifest import Clip
from rjcma.speech.words import Word


class Predicted(NamedTuple):
    """What is predicted of one person in one video, over T frames, by the K folds of each target.

    Times are in seconds from the video's first frame, as everywhere.
    """

    clip: Clip
    video: Path
    """Absolute."""
    ranges: Mapping[str, tuple[float, float]]
    """By target, in order: the lowest and the highest value, in the target's own units."""
    folds: Mapping[str, NDArray[np.float32]]
    """By target, (K, T): each fold's prediction in the target's own units, held to its range."""
    words: Sequence[Word]
    """In the order of their starts, punctuated."""
    boxes: NDArray[np.float32] | None
    """(T, 4): left, top, width and height of the person's face in pixels of the displayed picture;
    NaN where no face is seen. None if faces were not looked for."""
    files: Mapping[str, Path] = {}
    """What it was made from, by what the files hold: `faces`, `logmel`, `words` and others."""

    def mean(self, target: str) -> NDArray[np.float32]:
        """The mean of the folds, (T,)."""
        return self.folds[target].mean(axis=0, dtype=np.float64).astype(np.float32)

    def spread(self, target: str) -> NDArray[np.float32]:
        """The standard deviation over the folds, (T,): 0 for a single one."""
        return self.folds[target].std(axis=0, dtype=np.float64).astype(np.float32)

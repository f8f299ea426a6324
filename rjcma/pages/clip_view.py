"""What the page of a clip shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.attention.stored import Attention
from rjcma.concordance import ccc_labelled
from rjcma.corpus.labels import Ranges
from rjcma.manifest import Clip
from rjcma.speech.words import Word
from rjcma.store import FeatureReader

Array = NDArray[Any]


class FoldSeries(NamedTuple):
    """The prediction of one fold for the clip."""

    fold: int
    trained: bool
    """Whether this fold's network was trained on the clip."""
    values: Array
    """(T,), in the target's own units."""


class ClipView(NamedTuple):
    """A clip with all that its page shows; values are in the targets' own units."""

    clip: Clip
    ranges: Ranges
    truth: Mapping[str, Array]
    """By target, (T,), NaN where unlabelled; empty if there are no labels."""
    folds: Mapping[str, Sequence[FoldSeries]]
    """By target that was run."""
    words: Sequence[Word] | None
    """None if the transcript is not at hand."""
    faces: FeatureReader | None
    logmel: FeatureReader | None
    video: str
    """The video's path in the folder of videos."""
    videos: str
    """The folder of videos, from the folder of the page."""
    attention: Sequence[Attention] | None = None
    """By target; None if it is not at hand."""
    table: str = ""
    """The address of the values as CSV, from the page; empty if there is none."""

    def prediction(self, target: str) -> Array | None:
        """The mean of the folds that were not trained on the clip, (T,); None if all were."""
        series = [fold.values for fold in self.folds.get(target, ()) if not fold.trained]
        return np.mean(np.array(series, np.float64), axis=0) if series else None

    def truth_of(self, target: str) -> Array | None:
        """The labels (T,); None if no frame is labelled."""
        values = self.truth.get(target)
        return None if values is None or np.isnan(values).all() else values

    def ccc(self, target: str) -> float | None:
        """The prediction's CCC with the labels; None if either is missing."""
        truth, prediction = self.truth_of(target), self.prediction(target)
        return None if truth is None or prediction is None else ccc_labelled([prediction], [truth])

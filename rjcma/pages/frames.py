"""Each clip's frames as the front page counts them: truth, prediction, and what is seen and heard.

Predictions are those of the runs that were not trained on the clip, as in the report's traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.concordance import ccc_labelled
from rjcma.corpus.labels import Ranges, in_own_units
from rjcma.manifest import Clip
from rjcma.pages.sources import Sources
from rjcma.scoring.report import Results
from rjcma.scoring.trace_plots import Trace
from rjcma.timeline import item_at

Array = NDArray[Any]
Mask = NDArray[np.bool_]


class Frames(NamedTuple):
    """The T frames of a clip."""

    clip: Clip
    folds: tuple[int, ...]
    """The folds whose runs were not trained on the clip: the predictions are their mean."""
    truth: dict[str, Array]
    """By target, (T,) in the corpus's own units; NaN where unlabelled."""
    prediction: dict[str, Array]
    """By target, (T,) in the same units; NaN if all runs were trained on the clip."""
    face: Mask | None
    """(T,): whether a face was seen. None if that is not known here."""
    speech: Mask | None
    """(T,): whether somebody speaks. None if that is not known here."""

    def scored(self, target: str) -> Mask:
        """(T,): where there is both truth and prediction."""
        return np.isfinite(self.truth[target]) & np.isfinite(self.prediction[target])

    def ccc(self, target: str) -> float | None:
        """The CCC over the clip's labelled frames; None without truth or prediction."""
        if not self.scored(target).any():
            return None
        return ccc_labelled([self.prediction[target]], [self.truth[target]])


def read(results: Results, sources: Sources) -> list[Frames]:
    """The frames of all clips, with the targets that were run."""
    traced = zip(results.clips, results.traces(), strict=True)
    return [_frames(results, clip, trace, sources) for clip, trace in traced]


def _frames(results: Results, clip: Clip, trace: Trace, sources: Sources) -> Frames:
    columns = {target: column for column, target in enumerate(trace.targets)}
    own = {
        target: (
            _own(trace.truth[:, columns[target]], target, results.ranges),
            _own(trace.prediction[:, columns[target]], target, results.ranges),
        )
        for target in results.targets
    }
    return Frames(
        clip=clip,
        folds=tuple(sorted({run.fold for run in results.runs if clip.name not in run.train})),
        truth={target: truth for target, (truth, _) in own.items()},
        prediction={target: prediction for target, (_, prediction) in own.items()},
        face=_faces(clip, sources),
        speech=_speech(clip, sources),
    )


def _own(values: Array, target: str, ranges: Ranges) -> Array:
    return in_own_units(np.asarray(values, np.float64), ranges[target])


def _faces(clip: Clip, sources: Sources) -> Mask | None:
    faces = sources.faces(clip)
    return None if faces is None else faces.index >= 0


def _speech(clip: Clip, sources: Sources) -> Mask | None:
    spoken = sources.transcript(clip)
    if spoken is None:
        return None
    starts, ends = [word.start for word in spoken], [word.end for word in spoken]
    return item_at(clip.frame_times(), starts, ends) >= 0


def pooled(frames: Sequence[Frames], target: str) -> tuple[Array, Array]:
    """Truth and prediction of all frames that have both, (N,) each."""
    chosen = [(f.truth[target], f.prediction[target], f.scored(target)) for f in frames]
    truth = [truth[scored] for truth, _, scored in chosen]
    prediction = [prediction[scored] for _, prediction, scored in chosen]
    none = np.zeros(0)
    return np.concatenate([none, *truth]), np.concatenate([none, *prediction])

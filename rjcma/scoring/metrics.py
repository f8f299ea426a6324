"""The CCC of each fold and over all folds: the content of metrics.json.

A fold's CCC is that of the labelled frames of its validation clips, concatenated; the mean of the
single clips' CCC is given too. All moments are population moments (divided by N), also in the
standard deviation over folds. A frame is unlabelled if its truth is NaN; it counts nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.concordance import ccc_labelled
from rjcma.problem import Problem
from rjcma.scoring.runs import TrainedRun

DIGITS = 6
Series = NDArray[np.floating[Any]]


class Score(NamedTuple):
    """The result of one run on its validation clips."""

    ccc: float
    ccc_clip_mean: float
    frames: int
    """The number of labelled frames."""
    clips: int
    """The number of clips with a labelled frame."""
    unlabelled: tuple[str, ...]
    """Clips without a labelled frame, which are left out."""
    constant: tuple[str, ...]
    """Clips whose truth or prediction never changes: their own CCC is 0 by definition."""
    delay: float = 0.0
    """Seconds by which the training labels were taken to lag."""


def score(series: Mapping[str, tuple[Series, Series]]) -> Score:
    """The score of clips; each has its prediction and its truth, both (T,).

    >>> nan = np.nan
    >>> a = np.array([0.1, 0.2, 9.9, -0.3, 0.4]), np.array([0.3, 0.4, nan, -0.1, 0.6])
    >>> b = np.array([0.5, 0.5]), np.array([nan, nan])
    >>> score({"a": a, "b": b})._replace(ccc=0, ccc_clip_mean=0)
    Score(ccc=0, ccc_clip_mean=0, frames=4, clips=1, unlabelled=('b',), constant=(), delay=0.0)
    """
    pairs = {name: pair for name, pair in series.items() if not np.isnan(pair[1]).all()}
    predictions, truths = [p for p, _ in pairs.values()], [t for _, t in pairs.values()]
    per_clip = [ccc_labelled([prediction], [truth]) for prediction, truth in pairs.values()]
    return Score(
        ccc=ccc_labelled(predictions, truths),
        ccc_clip_mean=float(np.mean(per_clip)) if per_clip else 0.0,
        frames=sum(int(np.count_nonzero(~np.isnan(truth))) for truth in truths),
        clips=len(pairs),
        unlabelled=tuple(name for name in series if name not in pairs),
        constant=tuple(name for name, pair in pairs.items() if _is_constant(*pair)),
    )


def _is_constant(prediction: Series, truth: Series) -> bool:
    labelled = ~np.isnan(truth)
    return any(np.ptp(values[labelled]) == 0 for values in (prediction, truth))


def score_run(run: TrainedRun, labels: Mapping[str, Series]) -> Score:
    """The score of a run on its validation clips.

    `labels` are those of its target, (T,) by clip, NaN if unlabelled.

    Raises `Problem` if none of its validation clips has a labelled frame.
    """
    result = score(_series(run, labels))
    if not result.frames:
        raise Problem(
            file=run.name,
            found=f"no labelled frame in the validation clips of fold {run.fold}",
            expected="labels to compare the predictions with",
            cure="remove that fold from runs.folds",
        )
    return result._replace(delay=run.delay)


def clip_cccs(run: TrainedRun, labels: Mapping[str, Series]) -> dict[str, float]:
    """The CCC of each of a run's validation clips that has a labelled frame, by name."""
    pairs = sorted(_series(run, labels).items())
    return {name: ccc_labelled([p], [t]) for name, (p, t) in pairs if not np.isnan(t).all()}


def _series(run: TrainedRun, labels: Mapping[str, Series]) -> dict[str, tuple[Series, Series]]:
    """Prediction and truth of each of a run's validation clips."""
    return {n: (run.predictions[n], labels[n]) for n in run.validation}


def summary(scores: Mapping[str, Mapping[int, Score]]) -> dict[str, Any]:
    """The content of metrics.json, from the scores by target and fold.

    Each target has `ccc`, the mean over folds, `ccc_std`, its standard deviation, and `folds`;
    `mean` has the mean of the targets' `ccc`.
    """
    result: dict[str, Any] = {target: _target(folds) for target, folds in scores.items()}
    means = [_mean_ccc(folds) for folds in scores.values()]
    return {**result, "mean": {"ccc": _rounded(float(np.mean(means)))}}


def _target(folds: Mapping[int, Score]) -> dict[str, Any]:
    return {
        "ccc": _rounded(_mean_ccc(folds)),
        "ccc_std": _rounded(float(np.std([score.ccc for score in folds.values()]))),
        "folds": {str(fold): _fold(score) for fold, score in sorted(folds.items())},
    }


def _fold(score: Score) -> dict[str, float]:
    return {
        "ccc": _rounded(score.ccc),
        "ccc_clip_mean": _rounded(score.ccc_clip_mean),
        "frames": score.frames,
        "clips": score.clips,
    }


def _mean_ccc(folds: Mapping[int, Score]) -> float:
    return float(np.mean([score.ccc for score in folds.values()]))


def _rounded(value: float) -> float:
    return round(value, DIGITS) + 0.0


def notes(scores: Mapping[str, Mapping[int, Score]]) -> list[str]:
    """Notes for the table: delays, clips left out, and clips whose CCC is 0 by definition."""
    lines = []
    for target, folds in scores.items():
        for fold, result in sorted(folds.items()):
            where = f"Fold {fold}, {target}: "
            if result.delay:
                lag = f"trained on labels that lag by {result.delay:g} s, scored on those given."
                lines.append(where + lag)
            if result.unlabelled:
                lines.append(where + f"no labelled frame, left out: {_named(result.unlabelled)}.")
            if result.constant:
                reason = "labels or predictions never change, CCC 0 by definition: "
                lines.append(where + reason + f"{_named(result.constant)}.")
    return lines


def _named(names: Sequence[str], at_most: int = 6) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more

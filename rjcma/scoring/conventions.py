"""CCC by the other conventions in use, so that results of others can be compared.

The tables' CCC is that of a fold's labelled frames, concatenated, and all its moments are divided
by their number N. Others

- take the mean of the clips' own CCC: `clip_mean` (`Score.ccc_clip_mean`);
- divide all moments by N - 1: `n_minus_1`;
- divide the variances by N - 1 and the covariance by N: `released`, as the code that the paper's
  authors released. With that, no series agrees with itself fully: its CCC is (N - 1) / N.

In each of them a series that never changes gives 0 (ours).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rjcma.scoring.runs import TrainedRun

Series = NDArray[np.floating[Any]]


def n_minus_1(prediction: Series, truth: Series) -> float:
    """CCC of two series (T,), with all moments divided by T - 1.

    >>> round(n_minus_1(np.array([0.0, 1, 2]), np.array([1.0, 2, 3])), 4)
    0.6667
    """
    return _ccc(prediction, truth, covariance_ddof=1)


def released(prediction: Series, truth: Series) -> float:
    """CCC of two series (T,), with variances divided by T - 1 and the covariance by T.

    >>> round(released(np.array([0.0, 1, 2]), np.array([1.0, 2, 3])), 4)
    0.4444
    """
    return _ccc(prediction, truth, covariance_ddof=0)


CONVENTIONS: Mapping[str, Callable[[Series, Series], float]] = {
    "n_minus_1": n_minus_1,
    "released": released,
}
"""By name, those that are computed from a fold's labelled frames."""


def score_run(run: TrainedRun, labels: Mapping[str, Series]) -> dict[str, float]:
    """The CCC of a run's validation clips by each of `CONVENTIONS`.

    `labels` are those of its target, (T,) by clip, NaN if unlabelled.
    """
    truth = np.concatenate([labels[name] for name in run.validation]).astype(float)
    prediction = np.concatenate([run.predictions[name] for name in run.validation]).astype(float)
    labelled = ~np.isnan(truth)
    pair = prediction[labelled], truth[labelled]
    return {name: convention(*pair) for name, convention in CONVENTIONS.items()}


def _ccc(x: Series, y: Series, covariance_ddof: int) -> float:
    if x.size == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    covariance = float(np.cov(x, y, ddof=covariance_ddof)[0, 1])
    variances = float(x.var(ddof=1) + y.var(ddof=1))
    return 2 * covariance / (variances + float(x.mean() - y.mean()) ** 2)

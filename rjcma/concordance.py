"""The concordance correlation coefficient (CCC), equation 15 of the paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def ccc(prediction: ArrayLike, truth: ArrayLike) -> float:
    """CCC of two series of the same length, with population moments (divided by N).

    rho_c = 2 s_xy / (s_x^2 + s_y^2 + (m_x - m_y)^2), where x is the prediction and y the truth.
    If either series is constant or empty, the result is defined as 0 (ours).

    >>> round(ccc([0.1, 0.2, -0.3, 0.4], [0.3, 0.4, -0.1, 0.6]), 4)
    0.7647
    """
    x, y = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"expected two series of the same length, got shapes {x.shape}, {y.shape}")
    if x.size == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    return float(2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))


def ccc_labelled(predictions: Sequence[ArrayLike], truths: Sequence[ArrayLike]) -> float:
    """CCC over the labelled frames of all clips, concatenated; (T,) per clip in both sequences.

    A frame is unlabelled if its truth is NaN. The result is 0 if no frame is labelled.

    >>> round(ccc_labelled([[0.1, 0.2], [9, -0.3, 0.4]], [[0.3, 0.4], [np.nan, -0.1, 0.6]]), 4)
    0.7647
    """
    if not truths:
        return 0.0
    truth = np.concatenate([np.asarray(values, np.float64) for values in truths])
    prediction = np.concatenate([np.asarray(values, np.float64) for values in predictions])
    labelled = ~np.isnan(truth)
    return ccc(prediction[labelled], truth[labelled])

"""Permutation tests of paired results: whether two settings, or two reports, differ by chance.

If both are equally good, the two results of a pair could as well be swapped. Each test counts the
swaps of n pairs whose difference is at least as far from 0 as the one found: exactly, with all 2^n
choices, or with `RESAMPLES` random ones if there are more (scipy).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Values = NDArray[np.float64]

RESAMPLES = 2**16  # choices of signs: all of them up to 16 pairs (ours)


def sign_flip(differences: Values) -> float:
    """The two-sided p-value of paired differences (n,), by a permutation test of their signs.

    It is the share of all 2^n choices of signs whose mean is at least as far from 0.

    >>> sign_flip(np.array([0.1, 0.2, 0.3]))
    0.25
    """
    return swapped(differences, _mean)


def swapped(differences: Values, statistic: Callable[[Values, int], Values]) -> float:
    """The two-sided p-value of a statistic of pairs, by a permutation test of their signs.

    `statistic` is of signed differences (…, n), along an axis; it changes its sign if all do.
    """
    if len(differences) < 2:
        return 1.0  # either sign is as far from 0
    result: Any = stats.permutation_test(
        (differences,),
        statistic,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=2**12,
        rng=np.random.default_rng(0),  # the same p-value each time
    )
    return float(result.pvalue)


def _mean(differences: Values, axis: int) -> Values:
    """The mean without its last digits, so that means that differ only by rounding are ties."""
    return np.round(differences.mean(axis=axis), 12)


def smallest_p(pairs: int) -> float:
    """The smallest p-value that `sign_flip` can give for this number of pairs.

    >>> smallest_p(3), smallest_p(9)
    (0.25, 0.00390625)
    """
    exact = 2 ** (1 - pairs)
    return exact if 2**pairs <= RESAMPLES else 2 / (RESAMPLES + 1)

"""A gold standard: several raters become one.

The evaluator-weighted estimator is the weighted mean of the raters, with weights in either of two
conventions: each rater's Pearson correlation with the mean of the others (Grimm and Kroschel,
2005), or its mean CCC with each other rater (MuSe-Toolbox). Negative weights become 0, and the
weights of all raters sum to 1. Where a rater has no value, the others' weights count. All moments
are population moments (divided by N). Sums are NumPy's, not those of a BLAS, which depend on the
number of its threads: the same raters give the same labels everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONSTANT = 1e-12
"""A range up to which a series is constant: the mean of raters is rounded (ours)."""
Kind = Literal["mean", "median", "ewe_correlation", "ewe_ccc"]


class Agreement(NamedTuple):
    """How far two series agree; 0 if either is constant."""

    correlation: float
    """Pearson's."""
    ccc: float


class Fused(NamedTuple):
    """A gold standard of R raters."""

    values: Array
    """(N,); NaN where no rater who counts has a value."""
    weights: Array
    """(R,), sum 1."""
    agreement: Sequence[Agreement]
    """Of each rater with the mean of the others who move; empty for a single one."""
    still: Sequence[int]
    """Raters who never move while another does: their weight is 0."""
    equal: bool
    """Whether all weights would have been 0: then all raters who move count equally."""


def fuse(ratings: Array, kind: Kind, centre: bool = False, standardise: bool = False) -> Fused:
    """The gold standard of ratings (R, N), NaN where a rater has no value.

    `centre` gives all raters the same mean over the clip, `standardise` also the same standard
    deviation: the weighted mean of theirs, so that the scale stays what it was.
    """
    count = len(ratings)
    if count == 1:
        return Fused(ratings[0], np.ones(1), [], [], False)
    moves = np.array([_moves(values) for values in ratings])
    counted = moves if moves.any() else np.ones(count, bool)
    means, spreads = np.zeros(count), np.ones(count)
    if centre or standardise:
        means = np.array([_mean(values) for values in ratings])
    if standardise:
        spreads = np.array([_spread(values) for values in ratings])
    if centre or standardise:
        ratings = (ratings - means[:, None]) / spreads[:, None]
    agreement = [_with_others(ratings, rater, counted) for rater in range(count)]
    raw = _weights(ratings, kind, agreement) * counted
    equal = not raw.any()
    weights = counted / counted.sum() if equal else raw / raw.sum()
    values = _median(ratings[counted]) if kind == "median" else _weighted(ratings, weights)
    if centre or standardise:
        values = values * (weights * spreads).sum() + (weights * means).sum()
    still = [] if counted.all() else np.flatnonzero(~moves).tolist()
    return Fused(values, weights, agreement, still, equal)


def _weights(ratings: Array, kind: Kind, agreement: Sequence[Agreement]) -> Array:
    """The weight of each rater, not negative, before they are made to sum to 1."""
    if kind == "ewe_correlation":
        return np.maximum([one.correlation for one in agreement], 0.0)
    if kind == "ewe_ccc":
        sums = np.zeros(len(ratings))
        for one, other in combinations(range(len(ratings)), 2):
            pair = agree(ratings[one], ratings[other]).ccc
            sums[one] += pair
            sums[other] += pair
        return np.maximum(sums, 0.0)
    return np.ones(len(ratings))


def _with_others(ratings: Array, rater: int, counted: NDArray[np.bool_]) -> Agreement:
    """A rater's agreement with the mean of the others who count, where both have values."""
    others = ratings[counted & (np.arange(len(ratings)) != rater)]
    rated = ~np.isnan(others)
    if not rated.all():
        others = np.where(rated, others, 0.0)
    with np.errstate(invalid="ignore"):
        return agree(ratings[rater], others.sum(axis=0) / rated.sum(axis=0))


def agree(x: Array, y: Array) -> Agreement:
    """The agreement of two series (N,), where neither is NaN.

    The CCC is that of `rjcma.concordance`; here it shares its moments with the correlation.

    >>> pair = agree(np.array([1.0, 2, 3]), np.array([1.0, 2, 2]))
    >>> round(pair.correlation, 3), round(pair.ccc, 3)
    (0.866, 0.667)
    """
    rated = ~np.isnan(x + y)
    if not rated.all():
        x, y = x[rated], y[rated]
    if x.size == 0 or min(np.ptp(x), np.ptp(y)) <= CONSTANT:
        return Agreement(0.0, 0.0)
    mean_x, mean_y = x.mean(), y.mean()
    x, y = x - mean_x, y - mean_y
    xy, xx, yy = (x * y).sum(), (x * x).sum(), (y * y).sum()
    apart = x.size * (mean_x - mean_y) ** 2
    return Agreement(float(xy / np.sqrt(xx * yy)), float(2 * xy / (xx + yy + apart)))


def _weighted(ratings: Array, weights: Array) -> Array:
    """The weighted mean of those who have a value."""
    total, share = np.zeros(ratings.shape[1]), np.zeros(ratings.shape[1])
    for values, weight in zip(ratings, weights):
        rated = ~np.isnan(values)
        total += np.where(rated, values, 0.0) * weight
        share += rated * weight
    with np.errstate(invalid="ignore"):
        return total / share


def _median(ratings: Array) -> Array:
    """The median of those who have a value."""
    result = np.full(ratings.shape[1], np.nan)
    rated = ~np.isnan(ratings).all(axis=0)
    result[rated] = np.nanmedian(ratings[:, rated], axis=0)
    return result


def _moves(values: Array) -> bool:
    rated = values[~np.isnan(values)]
    return bool(rated.size and np.ptp(rated) > 0)


def _mean(values: Array) -> float:
    rated = values[~np.isnan(values)]
    return float(rated.mean()) if rated.size else 0.0


def _spread(values: Array) -> float:
    rated = values[~np.isnan(values)]
    return float(rated.std()) or 1.0 if rated.size else 1.0

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
Bools = NDArray[np.bool_]
CONSTANT = 1e-24
"""A variance up to which a series is constant: sums are rounded (ours)."""
CHUNK = 2**14
"""Samples of which products are summed at once, so that they stay in the processor's cache."""
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
    complete = not np.isnan(ratings.sum())
    pairs, agreement = (_at_once if complete else _one_by_one)(ratings, counted)
    raw = _weights(kind, pairs, agreement) * counted
    equal = not raw.any()
    weights = counted / counted.sum() if equal else raw / raw.sum()
    values = _median(ratings[counted]) if kind == "median" else _weighted(ratings, weights)
    if centre or standardise:
        values = values * (weights * spreads).sum() + (weights * means).sum()
    still = [] if counted.all() else np.flatnonzero(~moves).tolist()
    return Fused(values, weights, agreement, still, equal)


def _weights(kind: Kind, pairs: Array, agreement: Sequence[Agreement]) -> Array:
    """The weight of each rater, not negative, before they are made to sum to 1."""
    if kind == "ewe_correlation":
        return np.maximum([one.correlation for one in agreement], 0.0)
    if kind == "ewe_ccc":
        return np.maximum(pairs.sum(axis=1), 0.0)
    return np.ones(len(pairs))


def _at_once(ratings: Array, counted: Bools) -> tuple[Array, list[Agreement]]:
    """As `_one_by_one`, for raters who all have all values: from their means and products."""
    count, size = ratings.shape
    means = ratings.mean(axis=1)
    products = np.zeros((count, count))
    for begin in range(0, size, CHUNK):
        part = ratings[:, begin : begin + CHUNK] - means[:, None]
        products += np.einsum("in,jn->ij", part, part)
    pairs = np.zeros((count, count))
    for one, other in combinations(range(count), 2):
        moments = products[one, one], products[other, other], products[one, other]
        pair = _agreement(*moments, size, means[one] - means[other])
        pairs[one, other] = pairs[other, one] = pair.ccc
    agreement = []
    for rater in range(count):
        others = _others(rater, counted)
        share = others / max(others.sum(), 1)
        rest = (share * (products * share).sum(axis=1)).sum()
        moments = products[rater, rater], rest, (products[rater] * share).sum()
        agreement.append(_agreement(*moments, size, means[rater] - (means * share).sum()))
    return pairs, agreement


def _one_by_one(ratings: Array, counted: Bools) -> tuple[Array, list[Agreement]]:
    """The CCC of each pair of raters, (R, R) with zeros for a rater with itself, and the agreement
    of each rater with the mean of the others who count: where both have values."""
    count = len(ratings)
    pairs = np.zeros((count, count))
    for one, other in combinations(range(count), 2):
        pairs[one, other] = pairs[other, one] = agree(ratings[one], ratings[other]).ccc
    agreement = []
    for rater in range(count):
        others = ratings[_others(rater, counted)]
        rated = ~np.isnan(others)
        with np.errstate(invalid="ignore"):
            mean = np.where(rated, others, 0.0).sum(axis=0) / rated.sum(axis=0)
        agreement.append(agree(ratings[rater], mean))
    return pairs, agreement


def _others(rater: int, counted: Bools) -> Bools:
    """All who count but this one."""
    return counted & (np.arange(counted.size) != rater)


def agree(x: Array, y: Array) -> Agreement:
    """The agreement of two series (N,), where neither is NaN.

    >>> pair = agree(np.array([1.0, 2, 3]), np.array([1.0, 2, 2]))
    >>> round(pair.correlation, 3), round(pair.ccc, 3)
    (0.866, 0.667)
    """
    rated = ~np.isnan(x + y)
    x, y = x[rated], y[rated]
    if not x.size:
        return Agreement(0.0, 0.0)
    mean_x, mean_y = x.mean(), y.mean()
    x, y = x - mean_x, y - mean_y
    return _agreement((x * x).sum(), (y * y).sum(), (x * y).sum(), x.size, mean_x - mean_y)


def _agreement(xx: float, yy: float, xy: float, size: int, apart: float) -> Agreement:
    """From the sums of products of deviations from the means, and the difference of these.

    The CCC is that of `rjcma.concordance`; here it shares its moments with the correlation.
    """
    if min(xx, yy) <= CONSTANT * size:
        return Agreement(0.0, 0.0)
    correlation = xy / np.sqrt(xx * yy)
    return Agreement(float(correlation), float(2 * xy / (xx + yy + size * apart**2)))


def _weighted(ratings: Array, weights: Array) -> Array:
    """The weighted mean of those who have a value."""
    total, share = np.zeros(ratings.shape[1]), np.zeros(ratings.shape[1])
    for values, weight in zip(ratings, weights):
        if weight:
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
    return bool(np.fmax.reduce(values) > np.fmin.reduce(values))


def _mean(values: Array) -> float:
    rated = values[~np.isnan(values)]
    return float(rated.mean()) if rated.size else 0.0


def _spread(values: Array) -> float:
    rated = values[~np.isnan(values)]
    return float(rated.std()) or 1.0 if rated.size else 1.0

"""Compare settings by repeated runs: means, standard deviations, intervals, and paired tests.

The values of a setting are (F, S): one CCC for each of F folds and S seeds. Runs of one fold share
its clips, so the F x S values are not independent. Therefore there are two questions, each with its
own test:

- Would training again on this corpus, with the same folds, give the same answer? The folds are
  fixed, and training is random. Within a fold the runs are independent, and if two settings are
  equally good there, each difference could also have the other sign. Pairs are runs of the same
  fold and seed.
- Would videos of other people give the same answer? The video is random. Each validation video is
  one pair: its CCC, averaged over seeds before the test.

Both are permutation tests of the signs of the n paired differences (`rjcma.scoring.permutation`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rjcma.scoring.permutation import Values, sign_flip

LEVEL = 0.95


class Spread(NamedTuple):
    """A mean with standard deviations and a confidence interval; NaN if one is undefined."""

    mean: float
    folds: float
    """Standard deviation of the folds' means (population, as in the table of folds)."""
    seeds: float
    """Standard deviation of the runs about their fold's mean (sample: the seeds are a sample)."""
    low: float
    high: float
    """The confidence interval, at `LEVEL`, of the mean over many trainings on these folds."""


class OverVideos(NamedTuple):
    """The paired differences of the validation videos; NaN if one is undefined."""

    mean: float
    deviation: float
    """Their standard deviation (sample: the videos are one)."""
    low: float
    high: float
    """The confidence interval, at `LEVEL`, of the mean over many videos (Student's)."""


class Comparison(NamedTuple):
    """A setting compared with the reference."""

    difference: Spread
    better: int
    """The number of folds in which the setting's mean is higher."""
    p_runs: float
    runs: int
    """The number of pairs of runs."""
    p_videos: float
    videos: int
    """The number of pairs of videos."""
    over_videos: OverVideos


def spread(values: Values) -> Spread:
    """The mean of (F, S) values, with standard deviations over folds and over seeds.

    The interval is Student's, from the deviation within folds only.

    >>> spread(np.array([[0.25, 0.75], [0.0, 0.5]]))._replace(low=0, high=0)
    Spread(mean=0.375, folds=0.125, seeds=0.3535533905932738, low=0, high=0)
    """
    folds, seeds = values.shape
    freedom = folds * (seeds - 1)
    mean = float(values.mean())
    over_folds = float(values.mean(axis=1).std()) if folds > 1 else np.nan
    if not freedom:
        return Spread(mean, over_folds, np.nan, np.nan, np.nan)
    within = np.sqrt(((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / freedom)
    reach = stats.t.ppf((1 + LEVEL) / 2, freedom) * within / np.sqrt(values.size)
    return Spread(mean, over_folds, float(within), float(mean - reach), float(mean + reach))


def compare(
    values: Values,
    reference: Values,
    videos: Mapping[str, float],
    reference_videos: Mapping[str, float],
) -> Comparison:
    """Compare (F, S) values with the reference's of the same folds and seeds.

    `videos` and `reference_videos` hold one value per validation video, for the same videos.
    """
    differences = values - reference
    if videos.keys() != reference_videos.keys():
        raise ValueError("values of different videos")
    paired = np.array([videos[name] - reference_videos[name] for name in sorted(videos)])
    return Comparison(
        difference=spread(differences),
        better=int((differences.mean(axis=1) > 0).sum()),
        p_runs=sign_flip(differences.ravel()),
        runs=differences.size,
        p_videos=sign_flip(paired),
        videos=paired.size,
        over_videos=_over_videos(paired),
    )


def _over_videos(paired: NDArray[np.float64]) -> OverVideos:
    mean = float(paired.mean())
    if paired.size < 2:
        return OverVideos(mean, np.nan, np.nan, np.nan)
    deviation = float(paired.std(ddof=1))
    reach = stats.t.ppf((1 + LEVEL) / 2, paired.size - 1) * deviation / np.sqrt(paired.size)
    return OverVideos(mean, deviation, float(mean - reach), float(mean + reach))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number (Holm's step-down method), in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    scaled = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected.tolist()

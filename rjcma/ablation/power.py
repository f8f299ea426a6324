"""What a comparison of two rows over videos can show: power, before it is run and after.

The test is over paired differences, one per video (`rjcma.ablation.statistics`); here it is taken
as Student's. The permutation test is close to that where videos are many; where they are few, it
finds less (of differences that 10 videos show among 12 rows, 70 % in place of 80), and below
`fewest` nothing at all. The rows of a table share the level by Holm's method, whose first step is
the strictest: the level divided by their number.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy import stats
from scipy.optimize import brentq

from rjcma.ablation.statistics import Comparison
from rjcma.scoring.permutation import smallest_p

LEVEL = 0.05
"""Of the tests, two-sided."""
POWER = 0.8
"""The probability with which a difference is found that is there (the usual choice)."""
CERTAIN = 20.0
"""Standard errors beyond the bound, where the power is 1 to all digits (scipy's formula is not)."""
MOST = 1_000_000
"""Videos; a difference that needs more is none."""


class Shown(NamedTuple):
    """What the videos of a comparison show."""

    detectable: float
    """The smallest difference; NaN if so few videos can show none."""
    needed: int | None
    """The number of videos that show the difference that was found; None: more than `MOST`."""


def of(comparison: Comparison, rows: int) -> Shown:
    """What a comparison could show; `rows` is the number of comparisons of its table."""
    over = comparison.over_videos
    if over.deviation != over.deviation:
        return Shown(math.nan, None)
    return Shown(
        detectable(over.deviation, comparison.videos, rows), needed(over.mean, over.deviation, rows)
    )


def fewest(rows: int = 1) -> int:
    """The number of videos below which no difference is found: too few signs can be swapped.

    >>> fewest(), fewest(12)
    (6, 9)
    """
    return next((n for n in range(2, 64) if smallest_p(n) * rows <= LEVEL), MOST + 1)


def detectable(deviation: float, videos: int, rows: int = 1) -> float:
    """The smallest mean difference that so many videos show, in units of `deviation`'s.

    `deviation` is the standard deviation of the paired differences over videos, `rows` the number
    of comparisons of the table. NaN for fewer videos than `fewest`.

    >>> round(detectable(1.0, 34), 2)  # textbooks: 34 pairs for half a deviation
    0.5
    """
    if videos < fewest(rows):
        return math.nan
    if deviation == 0:
        return 0.0
    most = 2.0
    while _power(most, videos, rows) < POWER:
        most *= 2
    return deviation * float(brentq(lambda d: _power(d, videos, rows) - POWER, 0, most))


def needed(difference: float, deviation: float, rows: int = 1) -> int | None:
    """The number of videos that show this mean difference; None if a million are too few.

    >>> needed(0.5, 1.0), needed(0.0, 1.0)
    (34, None)
    """
    if not difference or fewest(rows) > MOST:
        return None
    effect = abs(difference) / deviation if deviation else math.inf
    if _power(effect, MOST, rows) < POWER:
        return None
    low, high = fewest(rows) - 1, fewest(rows)  # so few cannot; so many perhaps
    while _power(effect, high, rows) < POWER:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _power(effect, middle, rows) >= POWER:
            high = middle
        else:
            low = middle
    return high


def _power(effect: float, videos: int, rows: int) -> float:
    """The probability that a mean difference of `effect` deviations is found, with its sign."""
    freedom, shift = videos - 1, effect * math.sqrt(videos)
    bound = float(stats.t.isf(LEVEL / rows / 2, freedom))
    if shift > bound + CERTAIN:
        return 1.0
    return float(stats.nct.sf(bound, freedom, shift))

"""The labels of a clip, from annotations in any form that the settings describe.

Each rater is smoothed (if asked for), all are fused at their common times, and the result is placed
on the clip's frames. Raters who have no common times are placed on the frames first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.annotations.gold import Agreement, Fused, fuse
from rjcma.annotations.place import Frames, limit, placed, stretched
from rjcma.annotations.raters import WHOLE, Rater, raters
from rjcma.annotations.settings import SECTION, Annotations
from rjcma.annotations.sheet import Sheet
from rjcma.annotations.times import Rating
from rjcma.problem import Problem
from rjcma.timeline import Seconds

Array = NDArray[np.float64]

TOLERANCE: Seconds = 1.0
"""Differences in length, and unlabelled time, up to which there is no note (ours)."""
ROUNDING = 1e-9
"""By which a value may leave [-1, 1] without a note."""


class Rated(NamedTuple):
    """The labels of a clip, and what is to be said of them."""

    labels: NDArray[np.float32]
    """(T, targets) in [-1, 1], NaN where unlabelled."""
    agreement: dict[str, dict[str, Agreement]]
    """Each rater's agreement with the others, by target; empty for a single rater."""
    weights: dict[str, dict[str, float]]
    """Each rater's weight, by target; they sum to 1."""
    ranges: dict[str, tuple[float, float]]
    """The values that became -1 and 1, by target."""
    notes: list[tuple[str, str]]
    """What is unusual: pairs of a kind of note and its detail."""


def read(rating: Rating, settings: Annotations, targets: Sequence[str]) -> Rated:
    """The labels of a clip. Raises `Problem` if an annotation is missing or cannot be used."""
    labels = np.full((len(rating.times), len(targets)), np.nan, np.float32)
    rated = Rated(labels, {}, {}, {}, [])
    sheets: dict[Path, Sheet] = {}
    try:
        for column, target in enumerate(targets):
            found = list(raters(rating, settings, target, sheets))
            labels[:, column] = _labels(found, rating, settings, target, rated)
    except Problem as problem:
        raise Problem(
            clip=rating.clip,
            file=problem.file,
            found=problem.found,
            expected=problem.expected,
            cure=problem.cure,
        ) from None
    return rated


def _labels(
    all_raters: Sequence[Rater], rating: Rating, settings: Annotations, target: str, rated: Rated
) -> Array:
    """The labels of a target, (T,); what is to be said of them is added to `rated`."""
    rated.ranges[target] = all_raters[0].range
    some = [one for one in all_raters if not np.isnan(one.until)]
    rated.notes.extend(_about_raters(all_raters, some, rating, target))
    if not some:
        rated.weights[target], rated.agreement[target] = {}, {}
        return np.full(rating.times.shape, np.nan)
    frames = Frames(rating.times, rating.end)
    fused, labels = _fused(some, frames, settings, target, rated)
    names = _distinct([one.name for one in some])
    rated.weights[target] = dict(zip(names, fused.weights.tolist()))
    rated.agreement[target] = dict(zip(names, fused.agreement))
    rated.notes.extend(_about_gold(fused, names, target))
    rated.notes.extend(_about_labels(labels, some, rating, target))
    return np.clip(labels, *WHOLE)


def _fused(
    some: Sequence[Rater], frames: Frames, settings: Annotations, target: str, rated: Rated
) -> tuple[Fused, Array]:
    """The gold standard, and its place on the frames, (T,)."""
    times = some[0].stamps.begins
    longest = limit(times, settings.max_gap)
    is_own = all(
        one.stamps.ends is None and np.array_equal(one.stamps.begins, times) for one in some
    )
    if settings.smooth is not None and is_own:
        from rjcma.annotations.smooth import is_even  # it takes a second to import scipy.signal

        is_own = is_even(times, longest)
    if is_own:
        ratings = np.stack([one.values for one in some])
    else:
        ratings = np.stack([_placed(one, frames, settings) for one in some])
        times, longest = frames.times, limit(frames.times, settings.max_gap)
    if settings.smooth is not None:
        ratings = _smoothed(times, ratings, settings, longest, target, rated)
    fused = fuse(ratings, settings.gold, settings.centre, settings.standardise)
    return fused, placed(times, fused.values, frames, longest) if is_own else fused.values


def _placed(rater: Rater, frames: Frames, settings: Annotations) -> Array:
    begins, ends = rater.stamps
    if ends is not None:
        return stretched(begins, ends, rater.values, frames)
    return placed(begins, rater.values, frames, limit(begins, settings.max_gap))


def _smoothed(
    times: Array,
    ratings: Array,
    settings: Annotations,
    longest: Seconds,
    target: str,
    rated: Rated,
) -> Array:
    from rjcma.annotations.smooth import smoothed

    assert settings.smooth is not None
    window, order = settings.smooth.window, settings.smooth.order
    rows = [smoothed(times, values, window, order, longest) for values in ratings]
    if rows[0] is None:
        what = f"not smoothed, since {window:g} s have too few samples for order {order}"
        rated.notes.append((what, target))
        return ratings
    return np.stack([row for row in rows if row is not None])


def _about_raters(
    all_raters: Sequence[Rater], some: Sequence[Rater], rating: Rating, target: str
) -> list[tuple[str, str]]:
    notes = []
    low, high = all_raters[0].range
    if (low, high) != WHOLE:
        notes.append(("values mapped to [-1, 1]", f"{target} from [{low:g}, {high:g}]"))
    if {one.range for one in all_raters} != {(low, high)}:
        notes.append(("raters with different scales", target))
    repeated = sum(one.repeated for one in all_raters)
    if repeated:
        notes.append(("times that repeat: the mean of their values counts", f"{target} {repeated}"))
    silent = [one.name for one in all_raters if one not in some]
    if silent:
        notes.append(("raters without a value", f"{target}: {', '.join(silent)}"))
    if some:
        ends = [one.until for one in some]
        if max(ends) - min(ends) > TOLERANCE:
            spans = f"{target} from {min(ends):.1f} to {max(ends):.1f} s"
            notes.append(("raters of different lengths: where one ends, the others count", spans))
        beyond = max(ends) - rating.video_seconds
        if beyond > TOLERANCE:
            notes.append(("annotation longer than its video", f"{target} by {beyond:.1f} s"))
    return notes


def _about_gold(fused: Fused, names: Sequence[str], target: str) -> list[tuple[str, str]]:
    notes = []
    if fused.still:
        still = ", ".join(names[rater] for rater in fused.still)
        notes.append(("raters who never move: their weight is 0", f"{target}: {still}"))
    if fused.equal:
        notes.append(("raters who do not agree at all: they count equally", target))
    return notes


def _about_labels(
    labels: Array, some: Sequence[Rater], rating: Rating, target: str
) -> list[tuple[str, str]]:
    """Notes on labels. Raises `Problem` if there are none."""
    notes = []
    without = int(np.isnan(labels).sum())
    if without == labels.size:
        begin = min(float(one.stamps.begins[0]) for one in some)
        raise Problem(
            file=rating.annotation,
            found=f"{target} from {begin:g} to {max(one.until for one in some):g} s of the video",
            expected=f"some of the clip, from {rating.times[0]:g} to {rating.end:g} s",
            cure=f"correct {SECTION}.time (origin, offset, unit), or the clip's start",
        )
    if without / rating.fps > TOLERANCE:
        notes.append(("frames without a label", f"{target} {without} of {labels.size}"))
    if np.nanmax(np.abs(labels)) > 1 + ROUNDING:
        notes.append(("values that left [-1, 1] when they were fused, and were cut", target))
    return notes


def _distinct(names: Sequence[str]) -> list[str]:
    """Names with numbers where they repeat.

    >>> _distinct(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    counts = [names[:k].count(name) + 1 for k, name in enumerate(names)]
    return [name if count == 1 else f"{name} ({count})" for name, count in zip(names, counts)]

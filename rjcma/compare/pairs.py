"""What two reports have in common, clip by clip, and what they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rjcma.compare.side import Array, Series, Side
from rjcma.problem import Problem

TIME = 1e-3
"""Seconds by which the times of a frame may differ: traces are written with six decimals (ours)."""
LABEL = 2e-6
"""The difference of labels, in [-1, 1], from which on they are others (six decimals; ours)."""
NAMED = 4
"""The number of clips that a note names (ours)."""


class Both(NamedTuple):
    """A series of one target in both reports: the frames that both have, (T,) each."""

    a: Array
    b: Array
    """The predictions, in [-1, 1]."""
    truth_a: Array
    truth_b: Array
    """The labels of each report; NaN where either has none."""


class Pair(NamedTuple):
    """A clip that is in both reports."""

    clip: str
    together: str
    """The group or video that it belongs to."""
    fold: int | None
    """The fold that validates on it in both; None if they differ, or if it is not known."""
    times: Array
    targets: Mapping[str, Both]
    """By target; none that both reports did not predict."""


class Common(NamedTuple):
    """What is compared."""

    targets: list[str]
    pairs: list[Pair]
    comparable: list[str]
    """The targets whose values have the same units in both reports."""
    notes: list[str]
    """What is not in both, or not the same."""

    @property
    def by_fold(self) -> bool:
        """Whether every labelled clip is validated in the same fold of both."""
        return all(pair.fold is not None for pair in self.pairs if _labelled(pair))


def common(a: Side, b: Side) -> Common:
    """The clips, frames and targets that two reports share.

    Raises `Problem` if they share none, or for a damaged file.
    """
    targets = [target for target in a.targets if target in b.targets]
    names = sorted({*a.clips} & {*b.clips})
    if not targets:
        raise _nothing(a, b, "targets", a.targets, b.targets)
    if not names:
        raise _nothing(a, b, "clips", a.clips, b.clips)
    notes = [
        *_only("target", a.targets, b.targets),
        *_only("clip", a.clips, b.clips),
        *_only_folds(a, b, targets),
        *_ranges(a, b, targets),
    ]
    pairs, cut, apart, relabelled = [], [], [], []
    alone: dict[tuple[str, str], list[str]] = {(t, side): [] for t in targets for side in "AB"}
    together, folds_a, folds_b = _together(a, b), a.folds(), b.folds()
    for name in names:
        of_a, of_b = a.series(name), b.series(name)
        frames = min(len(of_a.times), len(of_b.times))
        if not np.allclose(of_a.times[:frames], of_b.times[:frames], rtol=0, atol=TIME):
            apart.append(name)
            continue
        if len(of_a.times) != len(of_b.times):
            cut.append(name)
        if any(_differ(of_a, of_b, target, frames) for target in targets):
            relabelled.append(name)
        both = {t: found for t in targets if (found := _both(of_a, of_b, t, frames))}
        for target in targets:
            if side := _only_predicted_in(of_a, of_b, target, frames):
                alone[target, side].append(name)
        fold = folds_a[name][0] if folds_a[name] and folds_a[name] == folds_b[name] else None
        pairs.append(Pair(name, together[name], fold, of_a.times[:frames], both))
    if not any(pair.targets for pair in pairs):
        raise _nothing(a, b, "frames", a.clips, b.clips)
    notes += _predicted_in_one(alone)
    notes += _several(cut, "has other frames", "have other frames", "the first that both have")
    notes += _several(apart, "has frames at other times", "have frames at other times", "left out")
    cure = "each report is scored against its own labels, where both have some"
    notes += _several(relabelled, "has other labels", "have other labels", cure)
    notes += _folds(a, b, pairs)
    if not (a.listed and b.listed):
        notes.append(
            "An earlier version wrote one of the reports, without clips.json: it does not say which"
            " clips belong together, so each counts for itself, and p-values may be too small."
        )
    comparable = [target for target in targets if a.range_of(target) == b.range_of(target)]
    return Common(targets, pairs, comparable, notes)


def _both(a: Series, b: Series, target: str, frames: int) -> Both | None:
    if not (_predicted(a, target, frames) and _predicted(b, target, frames)):
        return None
    truths = np.array([a.truth[target][:frames], b.truth[target][:frames]])
    truths[:, ~np.isfinite(truths).all(axis=0)] = np.nan
    predictions = a.prediction[target][:frames], b.prediction[target][:frames]
    return Both(*predictions, truths[0], truths[1])


def _predicted(series: Series, target: str, frames: int) -> bool:
    """Whether a clip has predictions; it has none if all runs were trained on it."""
    values = series.prediction.get(target)
    return values is not None and bool(np.isfinite(values[:frames]).all())


def _only_predicted_in(a: Series, b: Series, target: str, frames: int) -> str:
    """The letter of the only one that predicted a target of a clip; empty for both, or neither."""
    in_a, in_b = (_predicted(each, target, frames) for each in (a, b))
    return "" if in_a == in_b else "A" if in_a else "B"


def _predicted_in_one(clips: Mapping[tuple[str, str], Sequence[str]]) -> list[str]:
    """Notes on clips, by target and by the letter of the only report that predicted them."""
    return [
        f"Predicted in {side} only: {target} of {_count(names, 'clip')}, not compared."
        for (target, side), names in clips.items()
        if names
    ]


def _differ(a: Series, b: Series, target: str, frames: int) -> bool:
    """Whether the labels of the common frames differ."""
    if target not in a.truth or target not in b.truth:
        return False
    first, second = a.truth[target][:frames], b.truth[target][:frames]
    return not np.allclose(first, second, rtol=0, atol=LABEL, equal_nan=True)


def _labelled(pair: Pair) -> bool:
    return any(np.isfinite(both.truth_a).any() for both in pair.targets.values())


def _together(a: Side, b: Side) -> dict[str, str]:
    """The group of each clip; the one of B, if A does not know any."""
    return {**b.together(), **a.together()} if a.listed else b.together()


def _only(kind: str, of_a: Sequence[str], of_b: Sequence[str], of: str = "") -> list[str]:
    notes = []
    for letter, own, other in (("A", of_a, of_b), ("B", of_b, of_a)):
        known = set(other)
        if missing := [name for name in own if name not in known]:
            notes.append(f"Only in {letter}: {_count(missing, kind, of)}, not compared.")
    return notes


def _only_folds(a: Side, b: Side, targets: Sequence[str]) -> list[str]:
    """A note on each target whose folds differ: the means over folds are of the common ones."""
    notes = []
    for target in targets:
        in_a, in_b = (list(map(str, sorted(each.scores[target]))) for each in (a, b))
        notes += _only("fold", in_a, in_b, f" of {target}")
    return notes


def _count(names: Sequence[str], kind: str, of: str = "") -> str:
    return f"{len(names)} {kind}{'s' * (len(names) > 1)}{of} ({named(names)})"


def _ranges(a: Side, b: Side, targets: Sequence[str]) -> list[str]:
    return [
        f"{target} is from {low:g} to {high:g} in A and from {other[0]:g} to {other[1]:g} in B: CCC"
        " is compared, values are not."
        for target in targets
        for (low, high), other in [(a.range_of(target), b.range_of(target))]
        if (low, high) != other
    ]


def _several(names: Sequence[str], one: str, more: str, then: str) -> list[str]:
    if not names:
        return []
    what = f"1 clip {one}" if len(names) == 1 else f"{len(names)} clips {more}"
    return [f"{what} in B than in A ({named(names)}): {then}."]


def _folds(a: Side, b: Side, pairs: Sequence[Pair]) -> list[str]:
    if not (a.listed and b.listed):
        return []
    in_a, in_b = a.folds(), b.folds()
    moved = [p.clip for p in pairs if _labelled(p) and in_a[p.clip] != in_b[p.clip]]
    cure = "all labelled frames are taken as one series, instead of fold by fold"
    return _several(moved, "is scored in another fold", "are scored in other folds", cure)


def named(names: Sequence[str]) -> str:
    """The first names of several, and how many more there are.

    >>> named(["a", "b", "c", "d", "e", "f"])
    'a, b, c, d and 2 more'
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _nothing(a: Side, b: Side, kind: str, of_a: Sequence[str], of_b: Sequence[str]) -> Problem:
    return Problem(
        file=f"{a.source.shown} and {b.source.shown}",
        found=f"no {kind} in common: {named(of_a)}; {named(of_b)}",
        expected=f"two reports with {kind} in common",
        cure="compare reports on the same corpus",
    )

"""Two reports compared: all that the text and the page show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rjcma.compare import moments, paired, pairs, side
from rjcma.compare.moments import Moment
from rjcma.compare.paired import ClipScore, Tested
from rjcma.compare.pairs import Common
from rjcma.compare.side import MEAN, Side
from rjcma.compare.sources import Source


class Comparison(NamedTuple):
    """Two reports, and what they have in common."""

    a: Side
    b: Side
    shared: Common
    clips: list[ClipScore]
    """Those for which B loses most are first."""
    tests: list[Tested]
    moments: list[Moment]
    asked: int
    """The number of moments that were asked for."""

    @property
    def measures(self) -> list[str]:
        """The targets, and their mean if there are several."""
        return paired.measures(self.shared.targets)

    @property
    def no_moments(self) -> str:
        """Why no moment is shown; empty if some are, or if none was asked for."""
        if self.moments or not self.asked:
            return ""
        shared = self.shared
        compared = [t for t in shared.comparable if any(t in each.targets for each in shared.pairs)]
        if not compared:
            return "The targets have other units: values are not compared."
        whole = len(compared) == len(shared.targets)
        of_targets = "" if whole else f" of {' and '.join(compared)}"
        return f"The predictions{of_targets} are the same."


class FoldRow(NamedTuple):
    """A row of the tables, side by side."""

    name: str
    a: dict[str, float | None]
    """By measure; None if the report has no such fold, or if there is no common one."""
    b: dict[str, float | None]


def compare(a: Source, b: Source, count: int) -> Comparison:
    """Compare two reports; `count` is the number of moments.

    Raises `Problem` if one is damaged, or if they have nothing in common.
    """
    first, second = side.read(a), side.read(b)
    shared = pairs.common(first, second)
    scores = paired.clip_scores(shared)
    key = MEAN if len(shared.targets) > 1 else shared.targets[0]
    scores.sort(key=lambda each: (each.difference(key) is None, each.difference(key), each.clip))
    tests = paired.tested(shared, scores)
    most = moments.most(shared, first, second, count)
    return Comparison(first, second, shared, scores, tests, most, count)


def fold_rows(comparison: Comparison) -> list[FoldRow]:
    """A row per fold of either report, as their own tables have it; then the means over folds.

    The means are over the folds that both have, of each target.
    """
    sides = (comparison.a, comparison.b)
    targets = comparison.shared.targets
    folds = sorted({f for each in sides for target in targets for f in each.scores[target]})
    rows = [
        FoldRow(f"Fold {fold}", *(_of_fold(each, targets, fold) for each in sides))
        for fold in folds
    ]
    common = {t: sorted({*sides[0].scores[t]} & {*sides[1].scores[t]}) for t in targets}
    whole = all({*common[t]} == {*each.scores[t]} for t in targets for each in sides)
    name = "Over folds" if whole else "Over common folds"
    return [*rows, FoldRow(name, *(_over_folds(each, common) for each in sides))]


def _of_fold(report: Side, targets: list[str], fold: int) -> dict[str, float | None]:
    values: dict[str, float | None] = {t: report.scores[t].get(fold) for t in targets}
    return _with_mean(values)


def _over_folds(report: Side, folds: Mapping[str, Sequence[int]]) -> dict[str, float | None]:
    """The means over these folds of each target; None for a target without any."""
    values: dict[str, float | None] = {
        target: float(np.mean([report.scores[target][fold] for fold in of_target]))
        if of_target
        else None
        for target, of_target in folds.items()
    }
    return _with_mean(values)


def _with_mean(values: dict[str, float | None]) -> dict[str, float | None]:
    known = [value for value in values.values() if value is not None]
    whole = float(np.mean(known)) if len(known) == len(values) else None
    return {**values, MEAN: whole}

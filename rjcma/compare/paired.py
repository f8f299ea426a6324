"""Whether the one report is better than the other: CCC per clip and pooled, with paired tests.

Clips of one video, or of one person or session, are not independent. So a pair is a group of clips
that are never divided between folds (`Clip.together`). For each target, and their mean:

- **per clip**: each clip's CCC, averaged over the group's clips. The test asks whether the groups'
  mean difference is further from 0 than if A and B were swapped at random in each group.
- **pooled**: the CCC of the table, of all labelled frames of a fold's clips, averaged over folds.
  The same test: A and B are swapped for all clips of a group, and the CCC are computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.compare.pairs import Both, Common, Pair
from rjcma.compare.side import MEAN, Array
from rjcma.concordance import ccc
from rjcma.scoring.permutation import sign_flip, swapped

PER_CLIP, POOLED = "per clip", "pooled"


class ClipScore(NamedTuple):
    """A clip's own CCC in both reports, by target; and `mean`, if all targets are there."""

    clip: str
    together: str
    fold: int | None
    frames: int
    """Frames that are labelled for a target."""
    a: dict[str, float]
    b: dict[str, float]

    def difference(self, measure: str) -> float | None:
        """B minus A."""
        return self.b[measure] - self.a[measure] if measure in self.a else None


class Tested(NamedTuple):
    """A measure in both reports, and how sure its difference is."""

    measure: str
    """A target, or `mean`."""
    kind: str
    """`per clip` or `pooled`."""
    a: float
    b: float
    better: int
    """The number of groups in which B is better, each by its clips' mean CCC."""
    groups: int
    p: float

    @property
    def difference(self) -> float:
        return self.b - self.a


def clip_scores(shared: Common) -> list[ClipScore]:
    """Each clip that is labelled for a target."""
    return [found for pair in shared.pairs if (found := _clip_score(pair, shared.targets))]


def _clip_score(pair: Pair, targets: Sequence[str]) -> ClipScore | None:
    labelled = {t: both for t, both in pair.targets.items() if np.isfinite(both.truth_a).any()}
    if not labelled:
        return None
    a = {target: _ccc(both.a, both.truth_a) for target, both in labelled.items()}
    b = {target: _ccc(both.b, both.truth_b) for target, both in labelled.items()}
    if len(a) == len(targets):
        a[MEAN], b[MEAN] = (float(np.mean(list(each.values()))) for each in (a, b))
    frames = np.any([np.isfinite(both.truth_a) for both in labelled.values()], axis=0).sum()
    return ClipScore(pair.clip, pair.together, pair.fold, int(frames), a, b)


def _ccc(prediction: Array, truth: Array) -> float:
    labelled = np.isfinite(truth)
    return ccc(prediction[labelled], truth[labelled])


def measures(targets: Sequence[str]) -> list[str]:
    """The targets, and their mean if there are several."""
    return [*targets, MEAN] if len(targets) > 1 else list(targets)


def tested(shared: Common, scores: Sequence[ClipScore]) -> list[Tested]:
    """Each measure, per clip and pooled; none for a target without a labelled clip."""
    found = []
    for measure in measures(shared.targets):
        groups = by_group(scores, measure)
        if not groups:
            continue
        values = np.array(list(groups.values()))
        a, b = values.mean(axis=0)
        better = int((values[:, 1] > values[:, 0]).sum())
        p = sign_flip(values[:, 1] - values[:, 0])
        found.append(Tested(measure, PER_CLIP, a, b, better, len(groups), p))
        targets = shared.targets if measure == MEAN else [measure]
        moments = [_moments(shared, target, list(groups)) for target in targets]
        a, b, p = _pooled(moments)
        found.append(Tested(measure, POOLED, a, b, better, len(groups), p))
    return found


def by_group(scores: Sequence[ClipScore], measure: str) -> dict[str, tuple[float, float]]:
    """The mean CCC of each group's clips, in A and B."""
    known = [score for score in scores if measure in score.a]
    groups = sorted({score.together for score in known})
    of_group = {g: [s for s in known if s.together == g] for g in groups}
    return {
        group: (
            float(np.mean([score.a[measure] for score in own])),
            float(np.mean([score.b[measure] for score in own])),
        )
        for group, own in of_group.items()
    }


class Moments(NamedTuple):
    """The sums from which the CCC of any choice of groups follows, (groups, folds, 6) each.

    The six are n, and the sums of x, y, x², y², xy, where x is the prediction and y the truth.
    """

    a: Array
    b: Array


def _moments(shared: Common, target: str, groups: Sequence[str]) -> Moments:
    folds = sorted({pair.fold for pair in shared.pairs if pair.fold is not None})
    row = {group: number for number, group in enumerate(groups)}
    column = {fold: number for number, fold in enumerate(folds)} if shared.by_fold else {}
    sums = np.zeros((2, len(groups), max(len(column), 1), 6))
    for pair in shared.pairs:
        if (both := pair.targets.get(target)) is None or pair.together not in row:
            continue
        place = row[pair.together], column.get(pair.fold, 0) if pair.fold is not None else 0
        for side, (x, y) in enumerate(_of_sides(both)):
            sums[(side, *place)] += [len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), x @ y]
    return Moments(*sums)


def _of_sides(both: Both) -> list[tuple[Array, Array]]:
    labelled = np.isfinite(both.truth_a)
    return [(both.a[labelled], both.truth_a[labelled]), (both.b[labelled], both.truth_b[labelled])]


def _pooled(moments: Sequence[Moments]) -> tuple[float, float, float]:
    """The mean over targets of the pooled CCC of A and B, and the p-value of their difference."""
    groups = len(moments[0].a)
    first = np.ones(groups)

    def difference(signs: Array, axis: int) -> Array:
        """B minus A, (…), where the sign of a group tells whether it is as it was, or swapped."""
        kept = (np.moveaxis(signs, axis, -1) + 1) / 2
        values = [_ccc_of(m.b, m.a, kept) - _ccc_of(m.a, m.b, kept) for m in moments]
        mean = np.mean(np.array(values), axis=0)
        return np.asarray(np.round(mean, 12))

    a = float(np.mean([_ccc_of(each.a, each.b, first) for each in moments]))
    b = float(np.mean([_ccc_of(each.b, each.a, first) for each in moments]))
    return a, b, swapped(first, difference)


def _ccc_of(own: Array, other: Array, kept: Array) -> NDArray[np.float64]:
    """The CCC, averaged over folds, with the other's predictions in groups that are not kept.

    `kept` is (…, groups) of 0 and 1, the result (…).
    """
    folds = own.shape[1]
    chosen = kept @ own.reshape(len(own), -1) + (1 - kept) @ other.reshape(len(other), -1)
    n, x, y, xx, yy, xy = np.moveaxis(chosen.reshape(*kept.shape[:-1], folds, 6), -1, 0)
    filled = n > 0
    n = np.maximum(n, 1)
    mean_x, mean_y = x / n, y / n
    var_x, var_y = xx / n - mean_x**2, yy / n - mean_y**2
    whole = var_x + var_y + (mean_x - mean_y) ** 2
    varies = filled & (var_x > TINY) & (var_y > TINY)
    values = np.where(varies, 2 * (xy / n - mean_x * mean_y) / np.where(varies, whole, 1), 0.0)
    mean: NDArray[np.float64] = values.sum(axis=-1) / np.maximum(filled.sum(axis=-1), 1)
    return mean


TINY = 1e-12
"""The variance up to which a series counts as constant: what rounding leaves of 0 (ours)."""

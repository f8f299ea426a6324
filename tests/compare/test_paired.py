"""CCC per clip and pooled, and their tests, against values computed in other ways."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma.compare import paired
from rjcma.compare.paired import PER_CLIP, POOLED, clip_scores
from rjcma.compare.pairs import Both, Common, Pair
from rjcma.concordance import ccc

TARGETS = ["valence", "arousal"]


def world(seed: int, groups: list[int], fold_of=None, unlabelled: float = 0.2) -> Common:
    """Clips of random series; `groups` has the group of each, which is in one fold."""
    random = np.random.default_rng(seed)
    pairs = []
    for number, group in enumerate(groups):
        frames = int(random.integers(7, 19))
        targets = {}
        for target in TARGETS:
            truth = random.uniform(-1, 1, frames)
            truth[random.uniform(size=frames) < unlabelled] = np.nan
            a, b = (np.nan_to_num(truth) * w + random.normal(0, 0.5, frames) for w in (0.5, 0.8))
            targets[target] = Both(a, b, truth, truth)
        fold = None if fold_of is None else fold_of(group)
        times = np.arange(frames) / 10
        pairs.append(Pair(f"clip{number}", f"group{group}", fold, times, targets))
    return Common(TARGETS, pairs, TARGETS, [])


def own_ccc(series: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """The CCC of clips, concatenated."""
    x, y = (np.concatenate(values) for values in zip(*series))
    labelled = ~np.isnan(y)
    return ccc(x[labelled], y[labelled])


def found(common: Common, measure: str, kind: str):
    (one,) = [
        t
        for t in paired.tested(common, clip_scores(common))
        if (t.measure, t.kind) == (measure, kind)
    ]
    return one


def test_each_clips_own_ccc_is_that_of_its_labelled_frames():
    common = world(3, [1, 2, 3])
    for score, pair in zip(clip_scores(common), common.pairs):
        for target in TARGETS:
            both = pair.targets[target]
            assert score.a[target] == pytest.approx(own_ccc([(both.a, both.truth_a)]))
            assert score.b[target] == pytest.approx(own_ccc([(both.b, both.truth_b)]))
        assert score.b["mean"] == pytest.approx(np.mean([score.b[t] for t in TARGETS]))
        assert score.difference("mean") == pytest.approx(score.b["mean"] - score.a["mean"])


def test_per_clip_a_group_counts_once_with_the_mean_of_its_clips():
    common = world(5, [1, 1, 1, 2])
    scores = clip_scores(common)
    of_group = [np.mean([s.a["valence"] for s in scores[:3]]), scores[3].a["valence"]]
    result = found(common, "valence", PER_CLIP)
    assert result.a == pytest.approx(np.mean(of_group)) and result.groups == 2
    assert result.p in (0.5, 1.0)  # two pairs: 2 of 4 or 4 of 4 choices of signs


def test_pooled_ccc_is_that_of_the_table_the_mean_over_folds_of_all_frames_of_a_fold():
    common = world(7, [1, 2, 3, 4, 4], fold_of=lambda group: group % 2)
    of_fold = [[p.targets["arousal"] for p in common.pairs if p.fold == fold] for fold in (0, 1)]
    by_fold = [own_ccc([(both.a, both.truth_a) for both in own]) for own in of_fold]
    assert found(common, "arousal", POOLED).a == pytest.approx(np.mean(by_fold))


def test_pooled_ccc_of_other_folds_is_that_of_all_frames():
    common = world(7, [1, 2, 3])
    series = [(p.targets["valence"].b, p.targets["valence"].truth_b) for p in common.pairs]
    assert found(common, "valence", POOLED).b == pytest.approx(own_ccc(series))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.lists(st.integers(1, 5), min_size=2, max_size=7))
def test_the_pooled_p_value_is_the_share_of_swaps_at_least_as_far_from_zero(seed, groups):
    common = world(seed, groups, fold_of=lambda group: group % 2)
    names = sorted({pair.together for pair in common.pairs})
    folds = sorted({pair.fold for pair in common.pairs})

    def difference(swapped: dict[str, bool]) -> float:
        def of(letter: str) -> float:
            values = []
            for fold in folds:
                series = []
                for pair in common.pairs:
                    both = pair.targets["valence"]
                    takes_a = (letter == "a") != swapped[pair.together]
                    if pair.fold == fold:
                        series.append((both.a if takes_a else both.b, both.truth_a))
                values.append(own_ccc(series))
            return float(np.mean(values))

        return of("b") - of("a")

    choices = [dict(zip(names, choice)) for choice in product([False, True], repeat=len(names))]
    seen = abs(difference(dict.fromkeys(names, False)))
    share = np.mean([abs(difference(choice)) >= seen - 1e-9 for choice in choices])
    expected = share if len(names) > 1 else 1.0
    assert found(common, "valence", POOLED).p == pytest.approx(expected)


def test_swapping_the_reports_changes_signs_and_no_p_value():
    common = world(11, [1, 2, 3, 4, 5])
    turned = [
        pair._replace(
            targets={t: Both(x.b, x.a, x.truth_b, x.truth_a) for t, x in pair.targets.items()}
        )
        for pair in common.pairs
    ]
    other = common._replace(pairs=turned)
    for one, back in zip(*(paired.tested(each, clip_scores(each)) for each in (common, other))):
        assert (one.a, one.b) == pytest.approx((back.b, back.a))
        assert one.p == pytest.approx(back.p)
        assert one.better + back.better == one.groups


def test_equal_reports_have_a_p_value_of_1():
    common = world(13, [1, 2, 3])
    same = [
        pair._replace(targets={t: x._replace(b=x.a) for t, x in pair.targets.items()})
        for pair in common.pairs
    ]
    results = paired.tested(common._replace(pairs=same), clip_scores(common._replace(pairs=same)))
    assert {(r.difference, r.p, r.better) for r in results} == {(0.0, 1.0, 0)}


def test_unlabelled_clips_are_scored_nowhere_and_without_labels_nothing_is_tested():
    common = world(17, [1, 2], unlabelled=1.0)
    assert clip_scores(common) == [] and paired.tested(common, []) == []


def test_a_constant_prediction_has_a_pooled_ccc_of_0():
    common = world(19, [1, 2])
    flat = [
        pair._replace(
            targets={t: x._replace(b=np.full_like(x.b, 0.3)) for t, x in pair.targets.items()}
        )
        for pair in common.pairs
    ]
    assert found(common._replace(pairs=flat), "valence", POOLED).b == 0


def test_a_group_that_lacks_a_target_counts_for_the_others_only():
    common = world(23, [1, 2, 3])
    first = common.pairs[0]
    less = first._replace(targets={"valence": first.targets["valence"]})
    common = common._replace(pairs=[less, *common.pairs[1:]])
    assert found(common, "valence", PER_CLIP).groups == 3
    assert found(common, "arousal", PER_CLIP).groups == 2
    assert found(common, "mean", PER_CLIP).groups == 2
    assert paired.measures(["valence"]) == ["valence"]

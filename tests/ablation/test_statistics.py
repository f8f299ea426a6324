"""The statistics of ablations, against values computed by hand and in other ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rjcma.ablation.statistics import compare, holm, spread


def test_the_spread_of_two_folds_and_three_seeds_is_that_computed_by_hand():
    found = spread(np.array([[0.5, 0.6, 0.7], [0.1, 0.2, 0.3]]))
    assert found.mean == pytest.approx(0.4)
    assert found.folds == pytest.approx(0.2)  # of the folds' means 0.6 and 0.2
    assert found.seeds == pytest.approx(0.1)  # sqrt(4 x 0.01 / 4)
    assert found.high - 0.4 == pytest.approx(2.776445 * 0.1 / 6**0.5)  # t, 4 degrees, 97.5 %
    assert found.low + found.high == pytest.approx(0.8)


def test_the_interval_of_one_fold_is_that_of_students_one_sample_test():
    values = np.random.default_rng(3).normal(0.4, 0.1, 7)
    found = spread(values[None])
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.seeds == pytest.approx(values.std(ddof=1)) and np.isnan(found.folds)


def test_differences_between_folds_do_not_widen_the_interval():
    values = np.random.default_rng(5).normal(0, 0.1, (5, 3))
    apart = values + np.array([[-0.9], [0.9], [0.2], [0.3], [0.7]])
    narrow, wide = spread(values), spread(apart)
    assert wide.folds > 3 * narrow.folds
    assert wide.high - wide.low == pytest.approx(narrow.high - narrow.low)


def test_one_seed_gives_no_deviation_over_seeds():
    found = spread(np.array([[0.5], [0.25], [0.75]]))
    assert found.mean == 0.5 and found.folds == pytest.approx((1 / 24) ** 0.5)
    assert np.isnan([found.seeds, found.low, found.high]).all()


def test_holms_correction_of_four_is_that_computed_by_hand():
    # Sorted 0.005 0.01 0.03 0.04, times 4 3 2 1: 0.02 0.03 0.06 0.04; none below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_holms_correction_lies_between_none_and_bonferronis(p_values):
    for p, corrected in zip(p_values, holm(p_values), strict=True):
        assert p <= corrected <= min(1, p * len(p_values)) + 1e-12


@given(st.lists(st.floats(0, 1), min_size=2, max_size=7))
def test_holms_correction_keeps_the_order(p_values):
    corrected = np.array(holm(p_values))[np.argsort(p_values)]
    assert (np.diff(corrected) >= 0).all()


def test_a_comparison_pairs_runs_by_fold_and_seed_and_videos_by_name():
    reference = np.array([[0.5, 0.1, 0.9], [0.3, 0.8, 0.2]])
    better = reference + np.array([[0.01, 0.02, 0.03], [0.04, 0.05, 0.06]])
    found = compare(better, reference, {"b": 0.5, "a": 0.4}, {"a": 0.3, "b": 0.2})
    assert found.difference.mean == pytest.approx(0.035)
    assert (found.better, found.runs, found.videos) == (2, 6, 2)
    assert found.p_runs == pytest.approx(2 / 64) and found.p_videos == 0.5


def test_folds_that_disagree_are_counted():
    reference = np.zeros((3, 2))
    values = np.array([[0.1, 0.2], [-0.1, 0.05], [0.0, 0.0]])
    assert compare(values, reference, {"a": 0.0}, {"a": 0.0}).better == 1


def test_rows_with_different_videos_are_not_compared():
    with pytest.raises(ValueError, match="different videos"):
        compare(np.zeros((2, 2)), np.zeros((2, 2)), {"a": 1.0}, {"b": 1.0})

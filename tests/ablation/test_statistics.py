"""The statistics of ablations, against values computed by hand and in other ways."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rjcma.ablation.statistics import RESAMPLES, compare, holm, sign_flip, smallest_p, spread

SCORES = st.floats(-1, 1).map(lambda value: round(value, 3))


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


def test_the_p_value_of_three_pairs_is_that_computed_by_hand():
    # Means of the eight choices of signs of 1, 2, -4, times three: 7 5 3 1 -1 -3 -5 -7, and the
    # observed one is -1: all eight are at least as far from 0.
    assert sign_flip(np.array([1.0, 2, -4])) == 1
    # Of 1, 2, 4 it is 7: two of eight. Of -1, 2, 4 it is 5: four of eight.
    assert sign_flip(np.array([1.0, 2, 4])) == 0.25
    assert sign_flip(np.array([-1.0, 2, 4])) == 0.5


@given(st.lists(SCORES, min_size=2, max_size=8))
def test_the_p_value_is_the_share_of_sign_choices_at_least_as_far_from_zero(differences):
    d = np.array(differences)
    means = [abs((d * signs).sum()) for signs in product([1, -1], repeat=len(d))]
    share = np.mean(np.array(means) >= abs(d.sum()) - 1e-9)
    assert sign_flip(d) == pytest.approx(share)


def test_the_permutation_test_of_signed_ranks_gives_wilcoxons_exact_p_value():
    differences = np.array([0.03, -0.01, 0.07, 0.02, 0.11, -0.05, 0.13, 0.19, 0.17])
    signed = np.sign(differences) * stats.rankdata(np.abs(differences))
    assert sign_flip(signed) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_many_pairs_are_tested_by_random_signs_with_about_the_exact_p_value_each_time():
    differences = np.random.default_rng(7).normal(0.4, 1, 19)
    signs = np.unpackbits(np.arange(2**19, dtype=">u4").view("u1").reshape(-1, 4), axis=1)[:, -19:]
    means = np.abs((signs * 2.0 - 1) @ differences)
    exact = np.mean(means >= abs(differences.sum()) - 1e-9)
    assert 0.01 < exact < 0.99 and sign_flip(differences) == pytest.approx(exact, abs=0.01)
    assert sign_flip(differences) == sign_flip(differences)


def test_no_difference_and_a_single_pair_have_a_p_value_of_1():
    assert sign_flip(np.zeros(5)) == 1
    assert sign_flip(np.array([0.9])) == 1


@pytest.mark.parametrize("pairs", [1, 2, 3, 9, 16, 17, 23])
def test_the_smallest_p_value_is_that_of_differences_of_one_sign(pairs):
    differences = np.arange(1.0, pairs + 1)
    random = 2**pairs > RESAMPLES  # then the choice with all signs equal may be missing
    found = sign_flip(differences)
    assert found >= smallest_p(pairs) if random else found == pytest.approx(smallest_p(pairs))


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

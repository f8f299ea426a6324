"""Permutation tests, against values computed by hand and in other ways."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rjcma.scoring.permutation import RESAMPLES, sign_flip, smallest_p

SCORES = st.floats(-1, 1).map(lambda value: round(value, 3))


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

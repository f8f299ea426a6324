"""What a comparison over videos can show, against textbooks and trials by chance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rjcma.ablation.power import LEVEL, POWER, detectable, fewest, needed, of
from rjcma.ablation.statistics import compare
from rjcma.scoring.permutation import sign_flip


@pytest.mark.parametrize("effect, pairs", [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_pairs_are_those_of_textbooks_for_small_medium_and_large_effects(effect, pairs):
    assert needed(effect, 1.0) == pairs


@pytest.mark.parametrize("videos, rows", [(8, 1), (17, 12), (117, 9)])
def test_the_difference_is_found_in_four_of_five_trials_by_chance(videos, rows):
    random, trials = np.random.default_rng(5), 20_000
    true = detectable(0.3, videos, rows)
    differences = random.normal(true, 0.3, (trials, videos))
    p = stats.ttest_1samp(differences, 0, axis=1).pvalue
    assert np.mean(p < LEVEL / rows) == pytest.approx(POWER, abs=0.012)


@given(st.floats(0.01, 3), st.integers(10, 400), st.integers(1, 20))
def test_so_many_videos_are_needed_as_show_the_difference(deviation, videos, rows):
    difference = detectable(deviation, videos, rows)
    assert needed(difference * 1.0001, deviation, rows) <= videos
    more = needed(difference * 0.9999, deviation, rows)
    assert more is not None and more > videos


@given(st.integers(11, 300), st.integers(1, 20))
def test_more_videos_show_less_and_more_rows_more(videos, rows):
    assert detectable(1, videos + 1, rows) < detectable(1, videos, rows)
    assert detectable(1, videos, rows + 1) > detectable(1, videos, rows)
    assert detectable(2, videos, rows) == pytest.approx(2 * detectable(1, videos, rows))


def test_no_difference_takes_more_videos_than_there_are():
    assert needed(0.0, 1.0) is None and needed(1e-9, 1.0) is None


def test_differences_that_do_not_scatter_show_everything():
    assert detectable(0.0, 6) == 0.0 and needed(0.1, 0.0) == 6
    assert needed(0.0, 0.0) is None


@pytest.mark.parametrize("rows", [1, 3, 12])
def test_below_the_fewest_videos_the_clearest_differences_are_not_found(rows):
    few = fewest(rows) - 1
    assert math.isnan(detectable(0.1, few, rows)) and detectable(0.1, few + 1, rows) > 0
    assert needed(1e9, 1.0, rows) == few + 1
    clear = np.linspace(1, 2, few)
    assert sign_flip(clear) * rows > LEVEL >= sign_flip(np.append(clear, 1.5)) * rows


def test_so_many_rows_that_no_test_could_tell_show_nothing():
    assert math.isnan(detectable(0.1, 500, 2000)) and needed(1.0, 0.1, 2000) is None


def test_a_single_video_shows_nothing():
    values = np.zeros((1, 2))
    shown = of(compare(values, values, {"a": 0.2}, {"a": 0.1}), 3)
    assert math.isnan(shown.detectable) and shown.needed is None

"""The schedule with made-up CCCs: learning rate, released groups and end, epoch by epoch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.training.schedule import Schedule
from rjcma.training.settings import Training


def followed(cccs, groups=3, **settings):
    """Each epoch's (learning rate of its last batch, released groups), and the schedule."""
    schedule = Schedule(Training(**settings), groups)
    trained = []
    for ccc in cccs:
        assert not schedule.over
        trained.append((pytest.approx(schedule.learning_rate(6, 7)), schedule.released))
        schedule.take(ccc)
    return trained, schedule


def test_the_rate_rises_linearly_within_each_of_the_first_five_epochs_of_a_step():
    schedule = Schedule(Training(), groups=3)
    for epoch in range(7):
        rates = [schedule.learning_rate(step, 4) for step in range(4)]
        rising = [0.25e-5, 0.5e-5, 0.75e-5, 1e-5]
        assert rates == pytest.approx(rising if epoch < 5 else [1e-5] * 4), epoch
        schedule.take(0.1 + epoch / 100)


def test_the_papers_recipe_epoch_by_epoch_when_nothing_gets_better():
    """25 epochs per step: five of warm-up, then five for each of four learning rates."""
    step = [1e-5] * 5 + [1e-5] * 5 + [1e-6] * 5 + [1e-7] * 5 + [1e-8] * 5
    trained, schedule = followed([0.5] * 75, early_stop=None)
    assert trained == [(rate, released) for released in (1, 2, 3) for rate in step]
    assert "no group is left" in schedule.over


def test_a_better_ccc_restarts_the_count_and_keeps_the_rate():
    cccs = [0.1, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.3, 0.0]
    trained, _ = followed(cccs, groups=1, warmup=0, patience=3, learning_rate=1e-3, lr_decay=0.5)
    assert [rate for rate, _ in trained] == [1e-3] * 7 + [5e-4] * 3


def test_epochs_of_warm_up_do_not_count_towards_a_fall():
    cccs = [0.5, 0.1, 0.1, 0.1, 0.1]
    trained, schedule = followed(cccs, groups=1, warmup=3, patience=2)
    assert [rate for rate, _ in trained] == [1e-5] * 5 and schedule.peak_rate == pytest.approx(1e-6)


def test_an_equal_ccc_is_not_better():
    schedule = Schedule(Training(), groups=1)
    assert [schedule.take(ccc) for ccc in (0.1, 0.1, 0.2, 0.15, 0.2)] == [1, 0, 1, 0, 0]


def test_any_first_ccc_is_the_best():
    assert Schedule(Training(), groups=0).take(-0.9)


def test_without_groups_there_is_one_step():
    _, schedule = followed([0.5] * 25, groups=0, early_stop=None)
    assert schedule.released == 0 and "no group is left" in schedule.over


def test_training_stops_at_the_maximum_number_of_epochs():
    _, schedule = followed([0.1, 0.2], epochs=2)
    assert schedule.over == "2 epochs, training.epochs"


def test_early_stopping_counts_epochs_across_releases():
    settings = {
        "warmup": 1,
        "patience": 1,
        "learning_rate": 1e-8,
        "min_learning_rate": 1e-8,
        "early_stop": 4,
    }
    trained, schedule = followed([0.5, 0.1, 0.2, 0.3, 0.4], groups=5, **settings)
    assert schedule.over == "4 epochs without a better CCC, training.early_stop"
    assert [released for _, released in trained] == [1, 1, 2, 2, 3]


def test_a_release_resets_the_rate_and_warms_up_again():
    settings = {
        "warmup": 2,
        "patience": 1,
        "learning_rate": 1e-7,
        "min_learning_rate": 1e-8,
        "early_stop": None,
    }
    schedule = Schedule(Training(**settings), groups=2)
    seen = []
    for _ in range(8):
        seen.append((schedule.released, schedule.learning_rate(0, 2)))
        schedule.take(0.0)
    half, full = 0.5e-7, 1e-7
    step = [half, half, full, full / 10]
    expected = [(1, half), (1, half), (1, full), (1, full / 10)] + [(2, rate) for rate in step]
    assert seen == [(released, pytest.approx(rate)) for released, rate in expected]


@given(
    cccs=st.lists(st.floats(-1, 1), min_size=1, max_size=60),
    cut=st.integers(0, 59),
    groups=st.integers(0, 3),
)
def test_an_interrupted_schedule_continues_as_if_it_was_not(cccs, cut, groups):
    settings = Training(patience=2, warmup=1, learning_rate=1e-6, early_stop=None)
    whole, halved = Schedule(settings, groups), Schedule(settings, groups)
    for number, ccc in enumerate(cccs):
        if number == cut:
            state, halved = halved.state(), Schedule(settings, groups)
            halved.resume(state)
        assert whole.take(ccc) == halved.take(ccc)
        assert (whole.learning_rate(1, 3), whole.over) == (halved.learning_rate(1, 3), halved.over)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=80), st.integers(0, 3))
def test_the_rate_stays_between_its_bounds_and_groups_are_only_released(cccs, groups):
    settings = Training(warmup=2, patience=2)
    schedule = Schedule(settings, groups)
    before = schedule.released
    for ccc in cccs:
        schedule.take(ccc)
        assert before <= schedule.released <= groups
        before = schedule.released
        if not schedule.over:
            assert (
                settings.min_learning_rate * 0.999 <= schedule.peak_rate <= settings.learning_rate
            )

"""Samples on frames, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.annotations.place import Frames, limit, placed, stretched


def loop(times: list[float], values: list[float], frames: Frames, longest: float) -> list[float]:
    """The same by plain loops."""
    samples = [(t, v) for t, v in zip(times, values) if not math.isnan(v)]
    begins = frames.times.tolist()
    result = []
    for begin, end in zip(begins, [*begins[1:], frames.end]):
        within = [v for t, v in samples if begin <= t < end]
        before = [(t, v) for t, v in samples if t <= begin]
        after = [(t, v) for t, v in samples if t >= begin]
        value = math.nan
        if before and after and (after[0][0] - before[-1][0] <= longest):
            (a, v), (b, w) = before[-1], after[0]
            value = v if a == b else v + (w - v) * (begin - a) / (b - a)
        if len(within) > 1 or (within and math.isnan(value)):
            value = sum(within) / len(within)
        result.append(value)
    return result


@given(
    st.lists(st.integers(-20, 400), max_size=60, unique=True).map(sorted),
    st.randoms(use_true_random=False),
    st.sampled_from([3.0, 9.5, 24.0, 100.0]),
    st.sampled_from([1, 4, 13]),
)
def test_samples_of_any_rate_are_placed_as_by_plain_loops(ticks, random, longest, step):
    times = [tick * 1.0 for tick in ticks]
    values = [random.choice([random.uniform(-1, 1), math.nan]) for _ in ticks]
    frames = Frames(np.arange(0, 300, step) * 1.0, 300.0)
    found = placed(np.array(times), np.array(values), frames, longest)
    np.testing.assert_allclose(found, loop(times, values, frames, longest), atol=1e-12)


def test_a_gap_is_bridged_up_to_the_limit() -> None:
    times, values = np.array([0, 1, 4, 6.0]), np.array([0, 0.1, 0.4, 0.6])
    frames = Frames(np.arange(8.0), 8.0)
    none = np.nan
    for max_gap, expected in {
        None: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, none],  # the usual step is 2 s: 4 s are bridged
        2.0: [0, 0.1, none, none, 0.4, 0.5, 0.6, none],
        0.5: [0, 0.1, none, none, 0.4, none, 0.6, none],
    }.items():
        found = placed(times, values, frames, limit(times, max_gap))
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(("rate", "expected"), [(25.0, 1.0), (0.2, 10.0)])
def test_a_second_or_two_usual_steps_are_bridged_if_nothing_is_set(rate, expected):
    assert limit(np.arange(9) / rate, None) == pytest.approx(expected)


def test_irregular_frames_have_the_samples_until_the_next_frame() -> None:
    frames = Frames(np.array([0.0, 0.1, 0.5]), 0.6)
    times, values = np.arange(60) / 100, np.arange(60) / 100
    found = placed(times, values, frames, 1.0)
    np.testing.assert_allclose(found, [0.045, 0.295, 0.545])


def test_a_stretch_labels_the_frames_that_begin_in_it() -> None:
    frames = Frames(np.arange(6.0), 6.0)
    begins, ends = np.array([0.5, 3.0]), np.array([2.0, 4.5])
    found = stretched(begins, ends, np.array([0.2, 0.7]), frames)
    np.testing.assert_array_equal(found, [np.nan, 0.2, np.nan, 0.7, 0.7, np.nan])

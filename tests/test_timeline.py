from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.timeline import frame_times, item_at


def test_frame_k_is_at_k_over_fps():
    assert frame_times(3, 25).tolist() == [0.0, 0.04, 0.08]


def test_times_do_not_drift_in_ten_minutes_of_ntsc():
    frames = 17982  # ten minutes at 30000/1001
    assert frame_times(frames, 30000 / 1001)[-1] == pytest.approx(17981 * 1001 / 30000, abs=1e-9)


def test_presented_times_are_kept_and_continued_at_the_frame_rate():
    times = frame_times(5, 10, presented=[0.0, 0.07, 0.3])
    assert times.tolist() == pytest.approx([0.0, 0.07, 0.3, 0.4, 0.5])


def test_presented_times_beyond_the_clip_are_left_out():
    assert frame_times(2, 10, presented=[0.0, 0.1, 0.2]).tolist() == [0.0, 0.1]


def test_a_clip_without_any_presented_frame_starts_at_zero():
    assert frame_times(2, 4, presented=[]).tolist() == [0.0, 0.25]


def test_a_word_covers_the_frames_between_its_times():
    times = frame_times(5, 10)
    assert item_at(times, starts=[0.1], ends=[0.3]).tolist() == [-1, 0, 0, -1, -1]


def test_no_words_leave_every_frame_without_one():
    assert item_at([0.0, 1.0], starts=[], ends=[]).tolist() == [-1, -1]


def test_of_two_words_that_overlap_the_later_is_taken():
    assert item_at([0.5], starts=[0.0, 0.4], ends=[1.0, 0.6]).tolist() == [1]


@given(
    edges=st.lists(st.integers(0, 60), min_size=2, max_size=14, unique=True),
    frames=st.integers(0, 71),
)
def test_placing_words_on_frames_equals_a_loop_over_words_and_frames(edges, frames):
    edges = sorted(edges)
    starts, ends = np.array(edges[:-1:2]) / 10, np.array(edges[1::2]) / 10
    times = frame_times(frames, 13)
    slow = [
        next((i for i, (a, b) in enumerate(zip(starts, ends, strict=False)) if a <= t < b), -1)
        for t in times
    ]
    assert item_at(times, starts[: len(ends)], ends).tolist() == slow

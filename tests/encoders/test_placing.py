"""States on frames: the mean of those within a frame, or the nearest one."""

from __future__ import annotations

import h5py
import numpy as np
from clips import clip
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma import store
from rjcma.encoders.placing import Placing, spans

RATE = 16_000


def placed(tmp_path, each, stride, centre, states, pieces=()) -> np.ndarray:
    """The vectors of a clip's frames, from states that come in these pieces."""
    found = spans(each, stride, centre, len(states))
    path = tmp_path / "placed.h5"
    with store.create(path, (each.frames, states.shape[1]), np.float32) as dataset:
        placing = Placing(found, dataset)
        for a, b in zip([0, *pieces], [*pieces, len(states)], strict=True):
            placing.take(a, states[a:b])
        assert placing.done == each.frames
    with h5py.File(path) as file:
        return file["rows"][...]


def by_hand(each, stride, centre, states) -> np.ndarray:
    """The same, frame by frame."""
    times = list(each.frame_times())
    at = (np.arange(len(states)) * stride + centre) / RATE
    vectors = []
    for start, end in zip(times, [*times[1:], times[-1] + 1 / each.fps], strict=True):
        within = (at >= start - 1e-9) & (at < end - 1e-9)
        if not within.any():
            within = np.abs(at - (start + end) / 2).argmin()
        vectors.append(states[within].reshape(-1, states.shape[1]).mean(0))
    return np.stack(vectors)


def numbers(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)


@given(
    frames=st.integers(1, 60),
    fps=st.sampled_from([7.5, 10.0, 24.0, 25.0, 29.97, 30.0, 60.0, 120.0]),
    centre=st.sampled_from([0.0, 199.5, 37.25]),
    states=st.integers(1, 120),
    cuts=st.lists(st.integers(0, 120), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_a_frames_vector_is_the_mean_within_it_or_the_nearest_state(
    tmp_path_factory, frames, fps, centre, states, cuts
):
    """However the states are cut into pieces."""
    each, values = clip("anna", frames, fps=fps), numbers(states)
    pieces = sorted(min(cut, states) for cut in cuts)
    found = placed(tmp_path_factory.mktemp("p"), each, 320, centre, values, pieces)
    assert np.allclose(found, by_hand(each, 320, centre, values), atol=1e-6)


def test_at_25_frames_a_second_and_50_states_each_frame_has_two(tmp_path):
    found = spans(clip("anna", 4, fps=25.0), 320, 0.0, 8)
    assert found.first.tolist() == [0, 2, 4, 6] and found.beyond.tolist() == [2, 4, 6, 8]


def test_a_frame_without_a_state_has_the_nearest(tmp_path):
    """At 100 frames a second a state comes with every second frame."""
    found = spans(clip("anna", 5, fps=100.0), 320, 160.0, 3)  # at 10, 30 and 50 ms
    assert found.first.tolist() == [0, 0, 1, 1, 2]
    assert (found.beyond - found.first).tolist() == [1] * 5


def test_frames_after_the_last_state_have_the_last_state(tmp_path):
    each, values = clip("anna", 40, fps=25.0), numbers(10)
    found = placed(tmp_path, each, 320, 0.0, values)
    assert np.allclose(found[5:], values[-1])


def test_a_stretch_of_a_video_has_the_states_of_its_own_time(tmp_path):
    values = numbers(100)
    whole = clip("anna", 40, fps=25.0)
    part = whole.model_copy(update={"first": 13, "frames": 9, "stretch": True})
    every = placed(tmp_path, whole, 320, 0.0, values)
    assert np.allclose(placed(tmp_path, part, 320, 0.0, values), every[13:22])


def test_irregular_frames_are_placed_by_their_own_times(tmp_path):
    each = clip("anna", 4, fps=25.0).model_copy(update={"times": (0.0, 0.1, 0.11, 0.3)})
    values = numbers(20)
    found = placed(tmp_path, each, 320, 0.0, values)
    assert np.allclose(found, by_hand(each, 320, 0.0, values))
    assert np.allclose(found[0], values[:5].mean(0), atol=1e-6)

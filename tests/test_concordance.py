from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.concordance import ccc, ccc_labelled

SERIES = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=23)


def test_the_ccc_of_a_constant_series_is_0():
    assert ccc([0.5, 0.5], [0.1, 0.2]) == 0.0
    assert ccc([0.1, 0.2], [0.5, 0.5]) == 0.0
    assert ccc([], []) == 0.0


def test_series_of_different_length_are_refused():
    with pytest.raises(ValueError, match="the same length"):
        ccc([0.1, 0.2], [0.1])


@given(SERIES, st.integers(0, 1000))
def test_ccc_is_symmetric_and_at_most_the_absolute_correlation(series, seed):
    x = np.array(series)
    y = np.random.default_rng(seed).normal(size=x.size)
    if np.ptp(x) < 1e-3:
        return
    assert ccc(x, y) == pytest.approx(ccc(y, x), abs=1e-12)
    assert abs(ccc(x, y)) <= abs(np.corrcoef(x, y)[0, 1]) + 1e-9


CLIPS = st.lists(st.lists(st.one_of(st.none(), st.floats(-1, 1)), max_size=11), max_size=5)


@given(CLIPS, st.integers(0, 1000))
def test_clips_are_scored_as_one_series_of_their_labelled_frames(clips, seed):
    rng = np.random.default_rng(seed)
    predictions = [rng.uniform(-1, 1, len(clip)) for clip in clips]
    truths = [[np.nan if value is None else value for value in clip] for clip in clips]
    pairs = [
        (p, t)
        for prediction, clip in zip(predictions, clips, strict=True)
        for p, t in zip(prediction, clip, strict=True)
        if t is not None
    ]
    expected = ccc([p for p, _ in pairs], [t for _, t in pairs])
    assert ccc_labelled(predictions, truths) == pytest.approx(expected, abs=1e-12)


def test_the_ccc_of_clips_without_a_label_is_0():
    assert ccc_labelled([], []) == 0.0
    assert ccc_labelled([[0.1, 0.2], []], [[np.nan, np.nan], []]) == 0.0

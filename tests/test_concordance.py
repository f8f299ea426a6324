from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.concordance import ccc

SERIES = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=23)


def test_a_constant_series_concords_with_nothing():
    assert ccc([0.5, 0.5], [0.1, 0.2]) == 0.0
    assert ccc([0.1, 0.2], [0.5, 0.5]) == 0.0
    assert ccc([], []) == 0.0


def test_series_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        ccc([0.1, 0.2], [0.1])


@given(SERIES, st.integers(0, 1000))
def test_ccc_is_symmetric_and_at_most_the_absolute_correlation(series, seed):
    x = np.array(series)
    y = np.random.default_rng(seed).normal(size=x.size)
    if np.ptp(x) < 1e-3:
        return
    assert ccc(x, y) == pytest.approx(ccc(y, x), abs=1e-12)
    assert abs(ccc(x, y)) <= abs(np.corrcoef(x, y)[0, 1]) + 1e-9

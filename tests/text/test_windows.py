"""Windows over long transcripts: what they hold, and the window that a word is taken from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.text.windows import best_windows, cut

SIZE = 13
LENGTHS = st.lists(st.integers(1, SIZE), max_size=60)


def context(window, unit, lengths):
    """The sub-words before or after a unit, whichever is less, as the module's docstring says."""
    before = sum(lengths[window.start : unit]) if window.start else float("inf")
    after = sum(lengths[unit + 1 : window.stop]) if window.stop < len(lengths) else float("inf")
    return min(before, after)


@given(LENGTHS)
def test_no_window_is_longer_than_its_size(lengths):
    for start, stop in cut(lengths, SIZE):
        assert 0 < sum(lengths[start:stop]) <= SIZE


@given(LENGTHS)
def test_every_unit_is_taken_from_the_window_where_it_has_most_context(lengths):
    windows = cut(lengths, SIZE)
    numbers = best_windows(windows, lengths)
    for unit, number in enumerate(numbers):
        holding = [w for w in windows if w.start <= unit < w.stop]
        assert windows[number] in holding
        best = max(context(w, unit, lengths) for w in holding)
        assert context(windows[number], unit, lengths) == best


@given(LENGTHS)
def test_windows_advance_and_the_last_ends_with_the_transcript(lengths):
    windows = cut(lengths, SIZE)
    assert [w.start for w in windows] == sorted({w.start for w in windows})
    assert [w.stop for w in windows] == sorted({w.stop for w in windows})
    assert [w.stop for w in windows][-1:] == ([len(lengths)] if lengths else [])


def test_what_fits_is_one_window():
    assert cut([5, 5, 3], SIZE) == [(0, 3)]


def test_words_of_long_transcripts_have_a_quarter_window_of_context_on_both_sides():
    lengths = [1] * 3001
    windows = cut(lengths, 510)
    least = min(
        context(windows[n], u, lengths) for u, n in enumerate(best_windows(windows, lengths))
    )
    assert least >= 127
    assert sum(w.stop - w.start for w in windows) < 2.1 * 3001


def test_a_unit_longer_than_a_window_is_refused():
    with pytest.raises(ValueError, match="14 sub-words in windows of 13"):
        cut([2, SIZE + 1], SIZE)


def test_no_words_have_no_windows():
    assert cut([], SIZE) == []
    assert best_windows([], []).tolist() == np.zeros(0).tolist()

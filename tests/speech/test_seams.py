"""Windows over long sound, and the words of all as one sequence: none lost, none doubled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma.speech.seams import Overlap, extend, in_order, windows
from rjcma.speech.words import Word

LENGTH, STEP = 30.0, 20.0


def said(texts, starts, length=0.3):
    return [Word(text, at, at + length, 1.0) for text, at in zip(texts, starts, strict=True)]


def texts(words):
    return [word.text for word in words]


@pytest.mark.parametrize("samples", [0, 1, 9, 10, 11, 29, 30, 31, 50, 51, 69, 70, 100, 1003])
def test_windows_cover_every_sample_and_neighbours_share_a_third(samples):
    sound = np.arange(samples, dtype="<i2")
    parts = [sound[n : n + 10].tobytes() for n in range(0, samples, 10)]
    found = list(windows(parts, 30))
    assert [window.start for window in found] == [20 * n for n in range(len(found))]
    for window in found:
        np.testing.assert_array_equal(window.samples, sound[window.start : window.start + 30])
    assert all(len(window.samples) == 30 for window in found[:-1])
    covered = {s for w in found for s in range(w.start, w.start + len(w.samples))}
    assert covered == set(range(samples))
    if len(found) > 1:
        assert len(found[-1].samples) > 10  # it adds something


def test_no_more_than_a_window_and_a_part_is_in_memory():
    read = 0

    def parts():
        nonlocal read
        for _ in range(1000):
            read += 10
            yield bytes(20)

    for window in windows(parts(), 30):
        assert read - window.start <= 40 and len(window.samples) <= 30


@st.composite
def speech(draw):
    """Words of a small vocabulary, so that neighbours are often the same, over some minutes."""
    count = draw(st.integers(1, 260))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    gaps = rng.uniform(0.0, rng.choice([0.05, 0.5, 3.0]), count)
    lengths = rng.uniform(0.25, 0.6, count)
    starts = np.cumsum(gaps + np.concatenate([[0], lengths[:-1]]))
    vocabulary = ["no", "yes", "well", "I", "do"][: draw(st.integers(1, 5))]
    words = [
        Word(str(rng.choice(vocabulary)), float(a), float(a + b), 1.0)
        for a, b in zip(starts, lengths, strict=True)
    ]
    return words, rng


def heard(words, start, rng, at_edges):
    """What is heard in a window: whole words, at about their times; parts of words as nonsense."""
    found = []
    for word in words:
        if word.end <= start or word.start >= start + LENGTH:
            continue
        if start <= word.start and word.end <= start + LENGTH:
            shift = rng.uniform(-0.06, 0.06)
            found.append(word._replace(start=word.start + shift, end=word.end + shift))
        elif at_edges:
            cut = (max(start, word.start), min(start + LENGTH, word.end))
            found.append(Word("x" + word.text, *cut, 1.0))
    return found


@settings(max_examples=150, deadline=None)
@given(speech(), st.booleans())
def test_no_word_is_lost_or_doubled_at_any_seam(spoken, at_edges):
    words, rng = spoken
    together: list[Word] = []
    end = words[-1].end + 0.5
    starts = [STEP * n for n in range(1 + max(0, int(np.ceil((end - LENGTH) / STEP))))]
    for start in starts:
        new = heard(words, start, rng, at_edges)
        extend(together, new, Overlap(start, start + LENGTH - STEP if start else 0.0))
    assert texts(together) == texts(words)
    ordered = in_order(together, end)
    assert max(abs(a.start - b.start) for a, b in zip(ordered, words, strict=True)) < 0.13


def test_windows_that_agree_on_nothing_are_cut_in_the_middle_of_what_they_share():
    left = said(["a", "b", "c", "d"], [20.5, 22, 24, 27])
    extend(left, said(["p", "q", "r", "s"], [20.7, 23, 26, 31]), Overlap(20, 30))
    assert texts(left) == ["a", "b", "c", "r", "s"]


def test_a_word_across_the_middle_that_is_heard_in_two_ways_is_there_once():
    left = [Word("their", 24.6, 25.2, 1.0)]
    extend(left, [Word("there", 24.7, 25.4, 1.0), Word("is", 25.5, 25.9, 1.0)], Overlap(20, 30))
    assert texts(left) == ["their", "is"]


@pytest.mark.parametrize("silent", ["left", "right"])
def test_where_one_window_heard_nothing_the_words_of_the_other_are_taken(silent):
    words = said(["so", "it", "is"], [21, 24, 27])
    left = [] if silent == "left" else list(words)
    extend(left, words if silent == "left" else [], Overlap(20, 30))
    assert left == words


def test_marks_and_capitals_do_not_keep_two_words_from_being_the_same():
    left = said(["Well,", "no."], [24, 25])
    extend(left, said(["well", "No", "way"], [24.1, 25.1, 28]), Overlap(20, 30))
    assert texts(left) in (["Well,", "No", "way"], ["Well,", "no.", "way"])


def test_times_never_go_back_and_end_within_the_sound():
    words = [Word("a", -0.1, 2.0, 1), Word("b", 1.5, 1.8, 1), Word("c", 1.9, 9.0, 1)]
    ordered = in_order(words, 8.0)
    assert [word[1:3] for word in ordered] == [(0.0, 2.0), (2.0, 2.0), (2.0, 8.0)]

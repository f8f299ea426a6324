"""Captions: lines of words that have room, each shown in its time; letters of any script."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from rjcma.predict.captions import LINGER, PAUSE, Captions, lines
from rjcma.predict.letters import Letters
from rjcma.predict.paint import GROUND
from rjcma.speech.words import Word

LETTERS = Letters(16)

spoken = st.lists(
    st.tuples(
        st.sampled_from(["a", "Hello.", "really?", "שלום", "extraordinarily,"]),
        st.integers(0, 1500),
        st.integers(10, 1000),
    ),
    max_size=25,
)


def words_of(drawn):
    """Words one after another: each text with the pause before it and its length, in ms."""
    words, time = [], 0
    for text, pause, length in drawn:
        words.append(Word(text, (time + pause) / 1000, (time + pause + length) / 1000, 1.0))
        time += pause + length
    return words


@given(spoken, st.integers(40, 400))
def test_lines_have_all_words_in_order_and_room(drawn, room):
    words = words_of(drawn)
    widths = [LETTERS.width(word.text) for word in words]
    made = lines(words, widths, 5, room)
    assert [word for line in made for word in line.words] == words
    for line in made:
        width = sum(LETTERS.width(word.text) for word in line.words) + 5 * (len(line.words) - 1)
        assert width <= room or len(line.words) == 1


@given(spoken, st.integers(40, 400))
def test_a_line_is_shown_while_its_words_are_spoken_and_never_with_another(drawn, room):
    words = words_of(drawn)
    made = lines(words, [LETTERS.width(word.text) for word in words], 5, room)
    for line in made:
        assert line.start <= line.words[0].start and line.end >= line.words[-1].end
        assert line.end <= line.words[-1].end + LINGER + 1e-9
    for earlier, later in pairwise(made):
        assert earlier.end <= later.start


@given(spoken)
def test_the_line_of_a_word_is_found_at_its_time(drawn):
    words = words_of(drawn)
    captions = Captions(words, LETTERS, 300)
    for word in words:
        line = captions.at((word.start + word.end) / 2)
        assert line is not None and word in line.words


def test_a_pause_and_the_end_of_a_sentence_end_a_line():
    texts = ["One", "two", "three.", "Four"]
    words = [Word(text, k, k + 0.5, 1.0) for k, text in enumerate(texts)]
    assert [len(line.words) for line in lines(words, [30] * 4, 5, 150)] == [3, 1]
    assert [len(line.words) for line in lines(words, [30] * 4, 5, 1000)] == [4]
    late = [*words[:2], words[2]._replace(start=2 + PAUSE, end=4)]
    assert [len(line.words) for line in lines(late, [30] * 3, 5, 150)] == [2, 1]


def drawn_at(words, time, room=300):
    image = np.full((30, room, 3), GROUND, np.uint8)
    Captions(words, LETTERS, room).draw(image, 0, 2, time)
    return np.flatnonzero((image.max(axis=2) > 100).any(axis=0))


def test_words_that_are_read_from_right_to_left_begin_at_the_right():
    words = [Word("שלום", 0, 1, 1.0), Word("עולם", 1, 2, 1.0)]
    columns = drawn_at(words, 0.5)
    assert columns.min() > 150 and columns.max() > 290
    assert drawn_at([Word("shalom", 0, 1, 1.0)], 0.5).min() < 5


def test_nothing_is_drawn_when_nobody_speaks():
    words = [Word("hello", 5, 6, 1.0)]
    assert not len(drawn_at([], 1.0)) and not len(drawn_at(words, 1.0))
    assert not len(drawn_at(words, 7.1)) and len(drawn_at(words, 6.9))


def test_a_word_that_is_wider_than_the_room_is_cut_off():
    assert len(drawn_at([Word("W" * 500, 0, 1, 1.0)], 0.5))


@example("\u2029")
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_every_text_has_a_mask_of_its_width(text):
    mask = LETTERS.mask(text)
    assert mask.shape == (LETTERS.height, LETTERS.width(text)) and mask.dtype == np.uint8


def test_letters_of_several_scripts_differ_from_the_box_for_an_unknown_one():
    unknown = LETTERS.mask("\U0010ffff")
    for letter in "éЖΩשمԱ":
        mask = LETTERS.mask(letter)
        assert mask.max() > 100
        assert mask.shape != unknown.shape or (mask != unknown).any()

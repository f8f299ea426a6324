"""The sentences of the sample: their words, their marks, their affect."""

import random

import places
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.sample import sentences as s

GOLDEN = ["never open your dog again", "we are really relaxed always", "yes i will help him always"]
MODEL = places.ROOT / "models/vosk-sample"


def test_the_vocabulary_is_what_the_vosk_model_knows():
    table = (MODEL / "graph/words.txt").read_text().split("\n")
    known = [line.split()[0] for line in table if line]
    assert [word for word in known if word[0] not in "<#"] == s.VOCABULARY
    assert len(s.VOCABULARY) == 217


def test_sentences_are_those_that_the_models_were_made_from():
    rng = random.Random("grammar 1")
    assert [s.plain_sentence(rng) for _ in range(3)] == GOLDEN


@given(st.integers(0, 2**32))
def test_a_plain_sentence_is_the_written_one_without_marks_and_capitals(seed):
    written = s.written_sentence(random.Random(seed))
    plain = s.plain_sentence(random.Random(seed))
    assert s.plain(written) == plain
    assert [word for word, _ in s.marked_words(written)] == plain.split()
    assert set(plain.split()) <= set(s.VOCABULARY)


@given(st.integers(0, 2**32))
def test_a_written_sentence_has_a_capital_and_one_end(seed):
    written = s.written_sentence(random.Random(seed))
    marks = [mark for _, mark in s.marked_words(written)]
    asked = written.split()[0] in ("Do", "Why", "How", "Where")
    assert written[0].isupper()
    assert marks[-1] == ("?" if asked else ".")
    assert set(marks[:-1]) <= {"", ","}
    assert " i " not in f" {written} "


def test_words_of_affect_are_in_the_vocabulary_and_in_range():
    assert set(s.AFFECT) <= set(s.VOCABULARY)
    assert all(-1 <= value <= 1 for pair in s.AFFECT.values() for value in pair)


def test_not_turns_a_word_round():
    assert s.affect("They are furious.") == (-0.8, 1.0)
    assert s.affect("They are not furious.") == (0.4, -0.5)
    assert s.affect("There is a cat in the river.") is None


@pytest.mark.parametrize(("state", "axis"), [((0.8, 0.0), 0), ((0.0, 0.8), 1)])
def test_fitting_sentences_follow_the_state(state, axis):
    rng = random.Random(5)
    high = [s.affect(s.fitting_sentence(rng, *state)) for _ in range(40)]
    low = [s.affect(s.fitting_sentence(rng, -state[0], -state[1])) for _ in range(40)]
    mean_high, mean_low = (sum(pair[axis] for pair in pairs) / 40 for pairs in (high, low))
    assert mean_high > 0.4
    assert mean_low < -0.3

"""Files of words: what `write` wrote is read, anything else is refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma.problem import Problem
from rjcma.speech.words import Word, read, write

KEYS = "an object with the keys text, start, end, confidence"
GOOD = {"text": "hello", "start": 0.5, "end": 0.75, "confidence": 1.0}


def written(path, **changes):
    """A file of two words: a good one, and the same with changes."""
    entry = {**GOOD, **changes}
    entry = {key: value for key, value in entry.items() if value is not ...}
    path.write_text(json.dumps({"words": [GOOD, entry]}))
    return path


def problem_of(path) -> Problem:
    with pytest.raises(Problem) as caught:
        read(path)
    assert caught.value.clip == path.stem and caught.value.file == str(path)
    assert "dvc repro" in caught.value.cure and "\n" not in str(caught.value)
    return caught.value


def test_words_are_one_readable_line_each(tmp_path):
    path = tmp_path / "v.json"
    write(path, [Word("hello", 0.1 + 0.2, 1 / 3, 0.98765432), Word("naïve", 1, 2, 1)])
    assert path.read_text(encoding="utf-8") == (
        '{"words": [\n'
        '{"text": "hello", "start": 0.3, "end": 0.333, "confidence": 0.9877},\n'
        '{"text": "naïve", "start": 1.0, "end": 2.0, "confidence": 1.0}\n'
        "]}\n"
    )


def test_silence_is_a_file_without_words(tmp_path):
    write(tmp_path / "v.json", [])
    assert (tmp_path / "v.json").read_text() == '{"words": []}\n'
    assert read(tmp_path / "v.json") == []


words = st.lists(
    st.builds(
        lambda text, start, length, confidence: Word(
            text, start / 1000, (start + length) / 1000, confidence / 10000
        ),
        st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=7),
        st.integers(0, 7_200_000),
        st.integers(0, 3000),
        st.integers(0, 10000),
    )
)


@given(words)
def test_what_is_written_is_read_first_to_last(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("words") / "v.json"
    write(path, words)
    assert read(path) == sorted(words, key=lambda word: word.start)


@pytest.mark.parametrize(
    ("changes", "found", "expected"),
    [
        ({"start": "0.5"}, "word 2: start = '0.5'", "a number"),
        ({"end": None}, "word 2: end = null", "a number"),
        ({"start": True}, "word 2: start = true", "a number"),
        ({"start": -0.5}, "word 2: start = -0.5", "greater than or equal to 0"),
        ({"end": math.nan}, "word 2: end = nan", "a finite number"),
        ({"end": math.inf}, "word 2: end = inf", "a finite number"),
        ({"confidence": 1.5}, "word 2: confidence = 1.5", "less than or equal to 1"),
        ({"end": 0.4}, "word 2, 'hello', from 0.5 to 0.4", "an end that is not before the start"),
        (
            {"start": 0.25},
            "word 2, 'hello', that starts at 0.25",
            "a start at 0.5, the start of the word before, or later",
        ),
        ({"text": ""}, "word 2: text = ''", "one word, without spaces"),
        ({"text": "two words"}, "word 2: text = 'two words'", "one word, without spaces"),
        ({"text": 7}, "word 2: text = 7", "text"),
        ({"end": ...}, "word 2: end = no value", KEYS),
        ({"stop": 2.0}, "word 2: stop = 2.0", KEYS),
    ],
)
def test_a_word_edited_into_nonsense_is_named(tmp_path, changes, found, expected):
    problem = problem_of(written(tmp_path / "v.json", **changes))
    assert found in problem.found and problem.expected == expected


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "no JSON"),
        (b'{"words": [', "no JSON"),
        (b"hello", "no JSON"),
        (b"\xff\xfe\x00", "bytes that are not text"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no object"),
        (b"{}", "the keys []"),
        (b'{"words": [], "more": 1}', "the keys ['words', 'more']"),
        (b'{"words": "hello"}', "words = 'hello'"),
        (b'{"words": ["hello"]}', "word 1: 'hello'"),
    ],
)
def test_a_file_that_holds_no_words_is_named(tmp_path, content, found):
    path = tmp_path / "v.json"
    path.write_bytes(content)
    assert found in problem_of(path).found


def test_a_missing_file_is_named(tmp_path):
    assert problem_of(tmp_path / "v.json").found == "no such file"

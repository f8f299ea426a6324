"""Text for ELAN: tab-delimited lines that do not overlap in a tier."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicted_clips import clip, predicted

from rjcma.predict import elan
from rjcma.speech.words import Word

FILM = Path("/film.mkv")


def rows(of, step=1.0):
    return [tuple(each) for each in elan.tiers(of, step)]


def seconds(text):
    hours, minutes, rest = text.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def test_a_file_has_a_header_and_four_columns(tmp_path):
    words = [Word("Hello,", 0.25, 0.5, 1.0), Word("you.", 0.5, 0.75, 1.0)]
    path = tmp_path / "a.txt"
    elan.write(predicted(FILM, clip(frames=20), words=words), path)
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == ["tier", "begin", "end", "value"]
    assert lines[1:3] == [
        ["words", "00:00:00.250", "00:00:00.500", "Hello,"],
        ["words", "00:00:00.500", "00:00:00.750", "you."],
    ]
    assert {line[0] for line in lines[3:]} == {"valence", "arousal"}
    assert all(len(line) == 4 and seconds(line[1]) < seconds(line[2]) for line in lines[1:])


def test_a_target_has_its_mean_of_every_second():
    values = {"valence": [np.repeat([0.2, -0.4], 10), np.repeat([0.4, -0.6], 10)]}
    of = predicted(FILM, clip(frames=20), values, ranges={"valence": (-1.0, 1.0)})
    assert rows(of) == [("valence", 0, 1000, "0.30"), ("valence", 1000, 2000, "-0.50")]


def test_values_are_in_the_targets_own_units():
    of = predicted(FILM, clip(frames=10), {"warmth": [[62.5] * 10]}, ranges={"warmth": (0, 100)})
    assert rows(of) == [("warmth", 0, 1000, "62.5")]


def test_a_last_second_that_is_not_full_ends_with_the_video():
    of = predicted(FILM, clip(frames=13), {"a": [[0.5] * 13]}, ranges={"a": (-1, 1)})
    assert [(begin, end) for _, begin, end, _ in rows(of)] == [(0, 1000), (1000, 1300)]


def test_stretches_without_a_face_are_a_tier():
    boxes = np.ones((10, 4), np.float32)
    boxes[2:5] = np.nan
    of = predicted(FILM, clip(frames=10), boxes=boxes)
    assert [row for row in rows(of) if row[0] == "face"] == [("face", 200, 500, "no face")]
    assert not [row for row in rows(predicted(FILM, clip(frames=10))) if row[0] == "face"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_text_breaks_its_column_or_line(text):
    plain = elan.plain(text)
    assert len(f"a\t{plain}\n".splitlines()) == 1 and "\t" not in plain


@given(
    st.lists(
        st.tuples(st.floats(0, 9), st.floats(0, 2)).map(lambda t: (round(t[0], 2), round(t[1], 2))),
        max_size=9,
    )
)
def test_no_two_annotations_of_a_tier_overlap(spans):
    words = [Word("w", start, start + length, 1.0) for start, length in sorted(spans)]
    of = predicted(FILM, clip(frames=70, fps=7.0), words=words)
    for tier in ("words", "valence", "arousal"):
        own = [(begin, end) for name, begin, end, _ in rows(of) if name == tier]
        assert all(begin < end for begin, end in own)
        assert all(a[1] <= b[0] for a, b in pairwise(own))
    texts = [value for name, *_, value in rows(of) if name == "words"]
    assert " ".join(texts).split() == ["w"] * len(spans)


def test_words_that_begin_together_are_one_annotation_as_long_as_the_longest():
    words = [Word("one", 0.1, 0.5, 1.0), Word("two", 0.1, 0.6, 1.0), Word("three", 0.7, 0.7, 1.0)]
    of = predicted(FILM, clip(frames=10), words=words)
    assert [row[1:] for row in rows(of) if row[0] == "words"] == [
        (100, 600, "one two"),
        (700, 701, "three"),
    ]


def test_hours_are_counted():
    assert elan.clock(round(10_800.5 * 1000)) == "03:00:00.500"


def test_frame_times_are_those_of_the_clip():
    times = (0.0, 0.5, 0.6, 2.0)
    of = predicted(
        FILM,
        clip(frames=4, fps=1.5, times=times),
        {"a": [[0.1, 0.3, 0.5, 0.7]]},
        ranges={"a": (-1, 1)},
    )
    assert rows(of)[0] == pytest.approx(("a", 0, 2000, "0.30"))

"""Annotations that cannot be used end in one line, which names the cure; others in a note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rated_clips import labels

from rjcma.problem import Problem

HEAD = "time,arousal\n"
PLAIN = HEAD + "0,0.1\n0.5,0.2\n0.75,0.3\n"
RATERS = "time,A,B,C\n"

PROBLEMS: dict[str, tuple[str | bytes, dict[str, Any], list[str]]] = {
    "times backwards": (
        HEAD + "0,0.1\n0.5,0.2\n0.25,0.3\n",
        {},
        ["the time 0.25 after 0.5 in line 4", "do not run backwards"],
    ),
    "no time": (HEAD + "0,0.1\nNaN,0.2\n", {}, ["no time in time, line 3", "a time in every row"]),
    "times of words": (
        HEAD + "0,0.1\nsoon,0.2\nlate,0\n",
        {},
        ["'soon' in time, line 3 (and 1 more", "a number"],
    ),
    "milliseconds": (
        HEAD + "0,0.1\n500,0.2\n1000,0.3\n",
        {},
        ["about 1000 times its video's 1 s", "time.unit: ms"],
    ),
    "seconds": (
        HEAD + "0,0.1\n0.5,0.2\n1,0.3\n",
        {"time": {"unit": "ms"}},
        ["a thousandth of its video's 1 s", "time.unit: s"],
    ),
    "frames": (
        HEAD + "0,0.1\n2,0.2\n4,0.3\n",
        {},
        ["an annotation of 4 s, 4 times its video's", "time.unit: frame"],
    ),
    "parts of frames": (
        HEAD + "0,0.1\n0.5,0.2\n1,0.3\n",
        {"time": {"unit": "frame"}},
        ["the frame number 0.5 in line 3", "time.unit: s or ms"],
    ),
    "decimal commas": (
        "time;arousal\n0;0,1\n0,5;0,2\n",
        {},
        ["'0,5' in time, line 3", "set corpus.annotations.decimal: ','"],
    ),
    "commas between and within": (
        HEAD + "0,00,0,1\n0,50,0,2\n",
        {},
        ["4 columns ('0,00,0,1') in line 2", "another delimiter", "decimal: ','"],
    ),
    "value too high": (
        HEAD + "0,0.1\n0.5,1.2\n0.75,3\n",
        {},
        ["the value 1.2 of arousal in line 3 (and 1 more)", "[-1, 1]", "annotations.range"],
    ),
    "value too low": (
        HEAD + "0,1\n\n0.5,0.5\n",
        {"range": {"arousal": [1, 9]}},
        ["the value 0.5 of arousal in line 4", "values in [1, 9]"],
    ),
    "no such column": (
        "time,valence\n0,0.1\n",
        {},
        ["no column 'arousal', but time, valence", "annotations.columns"],
    ),
    "no such number": (PLAIN, {"columns": 3}, ["no column 3, but time, arousal"]),
    "no names": (
        "0,0.1\n0.5,0.2\n",
        {"columns": "arousal"},
        ["no column 'arousal', but 2 without names"],
    ),
    "empty": ("", {}, ["an empty file"]),
    "blank": ("\n \n", {}, ["an empty file"]),
    "header only": (HEAD, {}, ["no rows after the header"]),
    "not text": (b"\x89PNG\r\n\x1a\n\xff\xfe", {}, ["bytes that are not text", "UTF-8"]),
    "zeros": (b"0\x000\x000\n", {}, ["bytes that are not text"]),
    "not text below": (PLAIN.encode() + b"1,\xff\n", {}, ["bytes that are not text"]),
    "ragged": (HEAD + "0,0.1\n0.5\n", {}, ["1 columns ('0.5') in line 3", "2, as in the header"]),
    "no mark": (PLAIN, {"skip_until": "%%"}, ["no line that begins with '%%'"]),
    "another clip": (
        "clip,time,arousal\nc2,0,0.1\nc3,0,0.2\n",
        {"rows": {"clip": "clip"}, "time": {"column": "time"}},
        ["no row of 'c1', but of c2, c3", "annotations.rows"],
    ),
    "another time": (
        HEAD + "0,0.1\n0.5,0.2\n",
        {"time": {"offset": 7}},
        ["arousal from 7 to 7.5 s", "from 0 to 1 s", "origin, offset"],
    ),
    "stretch backwards": (
        "a,b,arousal\n0,0.5,0\n0.75,0.5,0\n",
        {"time": {"column": "a", "end": "b"}},
        ["a stretch from 0.75 to 0.5 in line 3"],
    ),
    "no ARFF": (PLAIN, {"format": "arff"}, ["no line @data", "annotations.format"]),
    "no JSON": (PLAIN, {"format": "frames_json"}, ["no JSON", "annotations.format"]),
    "other JSON": ('{"frames": [1]}', {"format": "frames_json"}, ["another form"]),
    "no XML": (PLAIN, {"format": "nova"}, ["no XML"]),
    "a scheme of labels": (
        '<annotation><scheme type="DISCRETE"/></annotation>',
        {"format": "nova"},
        ["a scheme of type DISCRETE", "a continuous annotation"],
    ),
    "half of NOVA": (
        '<annotation><scheme type="CONTINUOUS" sr="25" min="0" max="1"/></annotation>',
        {"format": "nova"},
        ["no such file"],
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_one_line_says_what_is_wrong_and_what_to_do(name: str, tmp_path: Path) -> None:
    content, changes, parts = PROBLEMS[name]
    with pytest.raises(Problem) as caught:
        labels(tmp_path, {"c1.csv": content}, {"files": "c1.csv", **changes})
    said = str(caught.value)
    assert "\n" not in said and said.startswith("clip c1: ")
    assert "c1.csv" in said or name == "another time"
    assert all(part in said for part in parts), said


@pytest.mark.parametrize("pattern", ["x/{clip}.csv", "x/{clip}_{rater}.csv", ""])
def test_a_missing_file_is_named(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"no (such file|path of an annotation)"):
        labels(tmp_path, {"x/c2_a.csv": PLAIN}, {"files": pattern})


NOTES: dict[str, tuple[str, dict[str, Any], list[float], str, str]] = {
    "nothing unusual": (PLAIN, {}, [0.1, 0.15, 0.2, 0.3], "", ""),
    "times repeat": (
        HEAD + "0,0.1\n0.5,0.2\n0.5,0.4\n0.75,0.3\n",
        {},
        [0.1, 0.2, 0.3, 0.3],
        "times that repeat: the mean of their values counts",
        "arousal 1",
    ),
    "a scale": (
        HEAD + "0,0\n0.5,100\n0.75,75\n",
        {"range": [0, 100]},
        [-1, 0, 1, 0.5],
        "values mapped to [-1, 1]",
        "arousal from [0, 100]",
    ),
    "a still rater": (
        RATERS + "0,0.1,0.3,0.9\n0.5,0.2,0.4,0.9\n0.75,0.1,0.3,0.9\n",
        {"columns": ["A", "B", "C"]},
        [0.2, 0.25, 0.3, 0.2],
        "raters who never move: their weight is 0",
        "arousal: C",
    ),
    "no agreement": (
        RATERS + "0,0.1,-0.1,\n0.5,0.2,-0.2,\n0.75,0.3,-0.3,\n",
        {"columns": ["A", "B"], "gold": "ewe_ccc"},
        [0, 0, 0, 0],
        "raters who do not agree at all: they count equally",
        "arousal",
    ),
    "a silent rater": (
        RATERS + "0,0.1,0.3,\n0.5,0.2,0.4,NA\n0.75,0.1,0.3,nan\n",
        {"columns": ["A", "B", "C"]},
        [0.2, 0.25, 0.3, 0.2],
        "raters without a value",
        "arousal: C",
    ),
    "no value": (HEAD + "0,-5\n0.5,-5\n", {"missing": [-5]}, [np.nan] * 4, "raters without", ""),
    "a short window": (
        PLAIN,
        {"smooth": {"window": 0.5, "order": 3}},
        [0.1, 0.15, 0.2, 0.3],
        "not smoothed, since 0.5 s have too few samples for order 3",
        "arousal",
    ),
}


@pytest.mark.parametrize("name", NOTES)
def test_what_is_unusual_is_said_and_used(name: str, tmp_path: Path) -> None:
    content, changes, expected, what, detail = NOTES[name]
    rated = labels(tmp_path, {"c1.csv": content}, {"files": "c1.csv", **changes})
    np.testing.assert_allclose(rated.labels[:, 0], expected, atol=1e-6)
    assert bool(rated.notes) == bool(what)
    assert not what or any(w.startswith(what) and detail in d for w, d in rated.notes)


def test_raters_of_different_lengths_count_as_far_as_they_go(tmp_path: Path) -> None:
    rows = [f"{second},0.2,{'0.4' if second < 5 else ''}" for second in range(8)]
    content = "time,A,B\n" + "\n".join(rows)
    section = {"files": "c1.csv", "columns": ["A", "B"]}
    rated = labels(tmp_path, {"c1.csv": content}, section, frames=8, fps=1.0)
    np.testing.assert_allclose(rated.labels[:, 0], [0.3] * 5 + [0.2] * 3, atol=1e-6)
    spans = "arousal from 4.0 to 7.0 s"
    assert ("raters of different lengths: where one ends, the others count", spans) in rated.notes


def test_an_annotation_that_is_a_little_longer_is_noted(tmp_path: Path) -> None:
    content = HEAD + "".join(f"{second},0.{second % 10}\n" for second in range(13))
    rated = labels(tmp_path, {"c1.csv": content}, {"files": "c1.csv"}, frames=10, fps=1.0)
    assert rated.notes == [("annotation longer than its video", "arousal by 2.0 s")]


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", [True, False])
def test_line_endings_and_a_byte_order_mark_do_not_matter(
    mark: str, end: str, header: bool, tmp_path: Path
) -> None:
    content = mark + (PLAIN if header else PLAIN.removeprefix(HEAD)).replace("\n", end) + end
    rated = labels(tmp_path, {"c1.csv": content}, {"files": "c1.csv", "columns": 2})
    np.testing.assert_allclose(rated.labels[:, 0], [0.1, 0.15, 0.2, 0.3], atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [
        "time\tarousal\n0\t0,1\n0,5\t0,2\n0,75\t0,3\n",
        "time;arousal\n0;0,1\n0,5;0,2\n0,75;0,3\n",
        "time  arousal\n0  0,1\n0,5  0,2\n0,75  0,3\n",
        '"time";"arousal"\n"0";"0,1"\n"0,5";"0,2"\n"0,75";"0,3"\n',
        "time; arousal ;\n0; 0,1;\n0,5; 0,2;\n0,75; 0,3;\n",
    ],
    ids=["tabs", "semicolons", "spaces", "quotes", "a last semicolon"],
)
def test_decimal_commas_are_read_when_they_are_set(content: str, tmp_path: Path) -> None:
    rated = labels(tmp_path, {"c1.csv": content}, {"files": "c1.csv", "decimal": ","})
    np.testing.assert_allclose(rated.labels[:, 0], [0.1, 0.15, 0.2, 0.3], atol=1e-6)

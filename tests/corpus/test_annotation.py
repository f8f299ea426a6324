"""Annotation files and labels on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from clips import clip
from hypothesis import given
from hypothesis import strategies as st

from rjcma.corpus import annotation, labels
from rjcma.problem import Problem

HEAD = "valence,arousal\n"
WHOLE = HEAD + "0.5,-0.25\n-1,1\n0.1,-5\n"
READ = np.array([[0.5, -0.25], [-1, 1], [np.nan, np.nan]], np.float32)


def _read(folder: Path, content: bytes | str) -> annotation.Labels:
    path = folder / "x.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return annotation.read(path, "x")


def test_a_frame_without_one_of_its_labels_has_none(tmp_path: Path) -> None:
    found = _read(tmp_path, WHOLE)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, READ)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + WHOLE.encode(),
        WHOLE.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode() + b"\r\n\r\n",
        WHOLE.replace(",", " , ").encode(),
        WHOLE.rstrip().encode(),
        WHOLE.replace("-5", "-5.0").encode(),
    ],
    ids=["mark", "windows", "both", "spaces", "no last newline", "-5.0"],
)
def test_line_endings_and_a_byte_order_mark_do_not_matter(tmp_path: Path, content: bytes) -> None:
    np.testing.assert_array_equal(_read(tmp_path, content), READ)


@pytest.mark.parametrize(
    ("content", "found", "expected"),
    [
        ("", "an empty file", "the header valence,arousal"),
        (HEAD, "no rows", "one row per frame"),
        ("arousal,valence\n0,0\n", "the header 'arousal,valence' in line 1", "valence,arousal"),
        ("0.1,0.2\n", "the header '0.1,0.2' in line 1", "valence,arousal"),
        (HEAD + "0,0\n0.3\n", "1 column ('0.3') in line 3", "two: valence,arousal"),
        (HEAD + "0,0,0\n", "3 columns ('0,0,0') in line 2", "two: valence,arousal"),
        (HEAD + "0,0\nhappy,0\n", "'happy' in line 3", "a number"),
        (HEAD + "0,\n", "'' in line 2", "a number"),
        (HEAD + "0,0\n0,3.0\n", "the value 3.0 in line 3", "[-1, 1], or -5"),
        (HEAD + "nan,0\n", "the value nan in line 2", "[-1, 1], or -5"),
        (HEAD + "0,inf\n", "the value inf in line 2", "[-1, 1], or -5"),
        (HEAD + "0,0\n\n0,0\n", "a blank line in line 3", "a row for every frame"),
        (HEAD + "2,0\n" * 5, "line 2 (and 4 more lines are wrong)", "[-1, 1]"),
        (WHOLE.encode("utf-16"), "bytes that are not text", "UTF-8"),
    ],
)
def test_a_mistake_is_reported_with_its_line(
    tmp_path: Path, content: str | bytes, found: str, expected: str
) -> None:
    with pytest.raises(Problem) as problem:
        _read(tmp_path, content)
    assert found in problem.value.found
    assert expected in problem.value.expected
    assert problem.value.clip == "x" and "corpus.exclude" in problem.value.cure


VALUE = st.sampled_from([-5.0, -1.0, 0.0, 0.123, 1.0])


@given(st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=23))
def test_what_is_written_is_read(rows: list[tuple[float, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = _read(Path(folder), HEAD + "".join(f"{v},{a}\n" for v, a in rows))
    for row, (valence, arousal) in zip(found, rows, strict=True):
        if -5.0 in (valence, arousal):
            assert np.isnan(row).all()
        else:
            assert row.tolist() == np.array([valence, arousal], np.float32).tolist()


def test_labels_are_read_as_written_and_those_of_removed_clips_are_deleted(tmp_path: Path) -> None:
    labels.write(tmp_path, {"a": READ, "b": READ[:2]})
    np.testing.assert_array_equal(labels.read(tmp_path, clip("a", 3)), READ)
    labels.write(tmp_path, {"b": READ[:2]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.npy", "targets.json"]


def test_unchanged_labels_are_not_written_again(tmp_path: Path) -> None:
    labels.write(tmp_path, {"a": READ, "b": READ})
    before = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    labels.write(tmp_path, {"a": READ, "b": READ + 1})
    after = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    assert before["a.npy"] == after["a.npy"]
    np.testing.assert_array_equal(labels.read(tmp_path, clip("b", 3)), READ + 1)


@pytest.mark.parametrize("content", [b"", b"no array", None])
def test_labels_that_cannot_be_read_are_one_line(tmp_path: Path, content: bytes | None) -> None:
    labels.write(tmp_path, {})
    if content is not None:
        (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(Problem, match=r"clip a: .*a\.npy: found"):
        labels.read(tmp_path, clip("a", 3))


@pytest.mark.parametrize("content", [None, "[1, 2]", "{", '{"valence": 1}'])
def test_labels_whose_targets_are_not_known_are_refused(
    tmp_path: Path, content: str | None
) -> None:
    labels.write(tmp_path, {"a": READ})
    (tmp_path / "targets.json").unlink()
    if content:
        (tmp_path / "targets.json").write_text(content)
    with pytest.raises(Problem, match=r"targets.json: found .* run `dvc repro index`"):
        labels.read(tmp_path, clip("a", 3))


def test_labels_of_any_targets_keep_their_names_and_ranges(tmp_path: Path) -> None:
    values = np.array([[0.5, -1, np.nan], [np.nan, 0, 1]], np.float32)
    ranges = {"joy": (0.0, 100.0), "dominance": (-1.0, 1.0), "liking": (1.0, 9.0)}
    labels.write(tmp_path, {"a": values}, ranges)
    assert labels.ranges(tmp_path) == ranges
    for column, target in enumerate(ranges):
        read = labels.of_target(tmp_path, clip("a", 2), target)
        np.testing.assert_array_equal(read, values[:, column])
    with pytest.raises(Problem, match=r"found the targets joy, dominance, liking; .* valence too"):
        labels.of_target(tmp_path, clip("a", 2), "valence")


def test_labels_of_another_length_are_refused(tmp_path: Path) -> None:
    labels.write(tmp_path, {"a": READ})
    with pytest.raises(Problem, match=r"found float32 of shape \(3, 2\); .*\(7, 2\)"):
        labels.read(tmp_path, clip("a", 7))

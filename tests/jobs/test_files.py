"""Files that are written completely or not at all, and JSON files with a cure for mistakes."""

from __future__ import annotations

import os

import pytest

from rjcma.jobs.files import copy, csv_text, partial_of, read_json, replace, replacing
from rjcma.problem import Problem


def test_a_file_of_the_same_content_is_not_touched(tmp_path):
    path = tmp_path / "sub" / "a"
    replace(path, b"one")
    stamp = path.stat()
    replace(path, b"one")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (stamp.st_ino, stamp.st_mtime_ns)
    replace(path, b"two")
    assert path.read_bytes() == b"two"


def test_a_link_to_the_file_keeps_the_old_content(tmp_path):
    path, link = tmp_path / "a", tmp_path / "cache"
    replace(path, b"one")
    os.link(path, link)
    replace(path, b"two")
    copy(path, tmp_path / "b")
    assert link.read_bytes() == b"one" and (tmp_path / "b").read_bytes() == b"two"


def test_an_error_leaves_the_old_file_and_no_partial_one(tmp_path):
    path = tmp_path / "a"
    replace(path, b"one")
    with pytest.raises(ZeroDivisionError), replacing(path) as partial:
        partial.write_text("half")
        assert partial == partial_of(path)
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and path.read_bytes() == b"one"


def test_cells_are_quoted_if_necessary():
    text = csv_text([["a", 'say "no", twice', "", 0.5]])
    assert text == 'a,"say ""no"", twice",,0.5\n'


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "no such file"),
        (b"\xff\xfe", "not text"),
        (b"{", "no JSON"),
        (b"[" * 99999, "no JSON"),
    ],
)
def test_a_file_that_is_not_json_is_a_problem_that_names_clip_file_and_cure(
    tmp_path, content, found
):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Problem) as caught:
        read_json(path, expected="words", cure="make it again", clip="anna")
    line = str(caught.value)
    assert found in line and line.startswith(f"clip anna: {path}: ") and "make it again" in line

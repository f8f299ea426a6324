"""Files that are written completely or not at all, and JSON files with a cure for mistakes."""

from __future__ import annotations

import errno
import os
import resource

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rjcma.jobs.files import copy, csv_text, partial_of, read_json, replace, replacing, unwritable
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


def write_hdf5(path):
    with h5py.File(path, "w") as file:
        file["rows"] = np.ones(99_999)


WRITERS = {
    "bytes": lambda path: path.write_bytes(bytes(99_999)),
    "HDF5": write_hdf5,
    "safetensors": lambda path: save_file({"a": torch.ones(99_999)}, path),
    "torch": lambda path: torch.save(torch.ones(99_999), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_for_which_there_is_no_room_is_a_problem_whatever_library_writes_it(tmp_path, name):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_999, hard))
    try:
        with pytest.raises(Exception) as caught:
            WRITERS[name](tmp_path / "file")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    problem = unwritable(caught.value, tmp_path)
    assert problem is not None and "free space on that disk" in str(problem)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_must_not_be_written_is_a_problem(tmp_path, number):
    error = OSError(number, os.strerror(number), str(tmp_path / "a"))
    problem = unwritable(error, tmp_path)
    assert problem is not None and problem.file == str(tmp_path / "a")
    assert "correct their permissions" in problem.cure


def test_of_a_copy_the_file_that_was_written_is_named(tmp_path):
    error = OSError(errno.ENOSPC, "full", str(tmp_path / "read"), None, str(tmp_path / "written"))
    problem = unwritable(error, tmp_path)
    assert problem is not None and problem.file == str(tmp_path / "written")


def test_the_error_that_caused_another_tells(tmp_path):
    with pytest.raises(ValueError) as caught:
        try:
            raise OSError(errno.ENOSPC, "full")
        except OSError as error:
            raise ValueError("oops") from error
    assert "room to write" in str(unwritable(caught.value, tmp_path))


def test_any_other_error_is_no_refusal(tmp_path):
    assert unwritable(FileNotFoundError(errno.ENOENT, "no"), tmp_path) is None
    assert unwritable(RuntimeError("iostream error"), tmp_path) is None

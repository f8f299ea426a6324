"""Digests, and which of them are remembered."""

from __future__ import annotations

import hashlib
import json
import os
import time

import pytest

from rjcma.jobs import digests
from rjcma.jobs.memory import Memory
from rjcma.problem import Problem


@pytest.fixture
def memory(tmp_path):
    """Digests are remembered in this file; -> its path."""
    path = tmp_path / "memory" / "digests.jsonl"
    digests.remember_in(path)
    yield path
    digests.remember_in(None)


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that are read."""
    names, read = [], digests.digest_read
    monkeypatch.setattr(digests, "digest_read", lambda path: names.append(path.name) or read(path))
    return names


def aged(path, text="x", seconds=60):
    """A file that was last changed `seconds` ago."""
    path.write_text(text)
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_a_file_that_did_not_change_is_read_once(tmp_path, memory, reads):
    path = aged(tmp_path / "a")
    first = digests.digest_file(path)
    digests.remember_in(memory)  # as another process would
    assert digests.digest_files([path, path]) == [first, first] and reads == ["a"]


def test_a_file_of_another_size_time_or_place_is_read_again(tmp_path, memory, reads):
    path = aged(tmp_path / "a", "one")
    found = {digests.digest_file(path)}
    found.add(digests.digest_file(aged(path, "two", 50)))
    found.add(digests.digest_file(aged(path, "four", 50)))
    (tmp_path / "b").write_text("five")
    (tmp_path / "b").replace(path)
    found.add(digests.digest_file(path))
    assert len(found) == 4 and reads == ["a"] * 4


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path, memory, reads):
    path = tmp_path / "a"
    path.write_text("one")
    first = digests.digest_file(path)
    path.write_text("two")
    assert digests.digest_file(path) != first
    assert not memory.exists() or memory.read_text() == ""


def test_without_a_memory_files_are_read_each_time(tmp_path, reads):
    path = aged(tmp_path / "a")
    assert digests.digest_file(path) == digests.digest_file(path) and reads == ["a", "a"]


def test_the_order_of_keys_does_not_matter_but_that_of_items_does():
    assert digests.digest_value({"a": 1, "b": 2}) == digests.digest_value({"b": 2, "a": 1})
    assert digests.digest_value([1, 2]) != digests.digest_value([2, 1])


def test_a_folders_digest_depends_on_its_names_and_contents(tmp_path):
    folder = tmp_path / "m"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/x").write_text("1")
    found = [digests.digest_folder(folder)]
    (folder / "sub/x").rename(folder / "sub/y")
    found.append(digests.digest_folder(folder))
    (folder / "sub/y").write_text("2")
    found.append(digests.digest_folder(folder))
    assert len(set(found)) == 3


def test_an_incomplete_line_of_a_memory_is_ignored_and_the_rest_is_read(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('["a", 1]\n["b", 2')
    memory = Memory(path)
    assert memory.values == {"a": 1}
    with memory.adding() as adder:
        adder.add("c", [3])
    assert Memory(path).values == {"a": 1, "c": [3]}


def test_a_memory_full_of_outdated_lines_is_rewritten(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(["a", n]) + "\n" for n in range(9)))
    assert Memory(path).values == {"a": 8}
    assert path.read_text() == '["a", 8]\n'


def test_nothing_is_written_if_nothing_is_new(tmp_path):
    with Memory(tmp_path / "m.jsonl").adding():
        pass
    assert not (tmp_path / "m.jsonl").exists()


def test_a_memory_that_cannot_be_written_is_a_problem(tmp_path):
    (tmp_path / "m").mkdir()
    with (
        pytest.raises(Problem, match="a file that can be written"),
        Memory(tmp_path / "m").adding() as adder,
    ):
        adder.add("a", 1)


@pytest.mark.parametrize("size", [0, 1, 2**18, 2**18 + 1])
def test_the_digest_of_a_file_is_blake2b_of_its_bytes(tmp_path, size):
    content = bytes(number % 251 for number in range(size))
    (tmp_path / "a").write_bytes(content)
    expected = hashlib.blake2b(content, digest_size=16).hexdigest()
    assert digests.digest_read(tmp_path / "a") == expected


def test_a_pipe_has_no_digest_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe or a device, not a file"):
        digests.digest_read(tmp_path / "pipe")

"""Adoption of files made by other code: when they are kept, what is checked and recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rjcma.jobs import adoption, work
from rjcma.jobs.code import digest
from rjcma.jobs.digests import digest_text
from rjcma.jobs.work import Job, Work
from rjcma.problem import Problem, Problems

TEXTS = {name: name * n for n, name in enumerate("abcdefgh", 1)}


def repeat(log: Path, ending: str, text: str, out: Path) -> None:
    """Makes a file; `ending` stands for what the code does."""
    with open(log, "a") as file:
        file.write(text[:1])
    out.write_text(text + ending)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def code(monkeypatch):
    """Sets the digest of all code."""

    def change(version: str) -> None:
        monkeypatch.setattr("rjcma.jobs.code.digest", lambda modules: digest_text(version))

    change("before")
    return change


def work_on(folder, log, texts=TEXTS, ending="", **other):
    jobs = [Job(n, (t,), {"text": digest_text(t)}, length=len(t)) for n, t in texts.items()]
    common = (log, ending)
    return Work(repeat, jobs, folder, ".txt", common=common, workers="one", **other)


def called(log) -> str:
    """The first letters of the texts for which `repeat` was called since the last time."""
    text = "".join(sorted(log.read_text())) if log.exists() else ""
    log.write_text("")
    return text


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".keys"}


def test_changed_code_that_makes_the_same_bytes_keeps_all_and_makes_only_the_checked_clips(
    tmp_path, log, code, capsys
):
    folder = tmp_path / "out"
    work.run(work_on(folder, log))
    before = contents(folder)
    called(log)
    code("after")
    adoption.adopt([work_on(folder, log)], 5)
    checked = called(log)
    assert len(checked) == 5 and {"a", "h"} <= set(checked)  # the shortest and the longest
    assert contents(folder) == before
    assert "the same bytes, 8 adopted" in capsys.readouterr().err
    work.run(work_on(folder, log))
    assert called(log) == ""


def test_the_ledger_says_what_was_adopted_from_what_and_what_was_checked(tmp_path, log, code):
    folder = tmp_path / "out"
    work.run(work_on(folder, log))
    code("after")
    adoption.adopt([work_on(folder, log)], 3)
    ledger = json.loads((folder / ".keys").read_text())
    codes = {id: recipe["code"] for id, recipe in ledger["recipes"].items()}
    (old,) = [id for id, c in codes.items() if c == digest_text("before")]
    (new,) = [id for id, c in codes.items() if c == digest_text("after")]
    assert {(entry[0], entry[3]) for entry in ledger["files"].values()} == {(new, old)}
    assert ledger["adopted"][new]["made_by"] == [old]
    assert {"a", "h"} < set(ledger["adopted"][new]["checked"]) < set(TEXTS)


def test_an_adopted_file_that_is_adopted_again_keeps_the_recipe_that_made_it(tmp_path, log, code):
    folder = tmp_path / "out"
    work.run(work_on(folder, log))
    first = json.loads((folder / ".keys").read_text())["files"]["a.txt"][0]
    for version in ("after", "later"):
        code(version)
        adoption.adopt([work_on(folder, log)], 1)
    ledger = json.loads((folder / ".keys").read_text())
    assert ledger["files"]["a.txt"][3] == first and len(ledger["recipes"]) == 2


def test_the_ledger_forgets_an_adoption_when_all_is_made_again(tmp_path, log, code):
    folder = tmp_path / "out"
    work.run(work_on(folder, log))
    code("after")
    adoption.adopt([work_on(folder, log)], 1)
    code("later")
    work.run(work_on(folder, log))
    ledger = json.loads((folder / ".keys").read_text())
    assert ledger["adopted"] == {} and not any(e[3] for e in ledger["files"].values())


def test_one_clip_that_differs_is_named_and_nothing_is_adopted(tmp_path, log, code):
    folder = tmp_path / "out"
    work.run(work_on(folder, log))
    before, ledger = contents(folder), (folder / ".keys").read_bytes()
    code("after")
    with pytest.raises(Problems) as caught:
        adoption.adopt([work_on(folder, log, ending="!")], 2)
    assert [p.clip for p in caught.value.problems] == ["a", "h"]
    assert "other bytes when it was made again" in str(caught.value)
    assert contents(folder) == before and (folder / ".keys").read_bytes() == ledger
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "out"]


@pytest.mark.parametrize("other", [{"settings": {"x": 2}}, {"models": {"m": "two"}}])
def test_nothing_is_adopted_if_more_than_the_code_has_changed(tmp_path, log, code, other, capsys):
    folder = tmp_path / "out"
    known = {"settings": {"x": 1}, "models": {"m": "one"}}
    work.run(work_on(folder, log, **known))
    code("after")
    called(log)
    adoption.adopt([work_on(folder, log, **(known | other))], 5)
    assert called(log) == "" and "nothing to adopt" in capsys.readouterr().err


def test_changed_inputs_and_edited_and_lost_files_are_left_to_the_next_run(
    tmp_path, log, code, capsys
):
    folder = tmp_path / "out"
    work.run(work_on(folder, log))
    (folder / "b.txt").write_text("edited")
    (folder / "c.txt").unlink()
    code("after")
    called(log)
    texts = TEXTS | {"d": "another", "z": "new"}
    adoption.adopt([work_on(folder, log, texts)], 2)
    assert "5 adopted; `dvc repro` will make 4 more" in capsys.readouterr().err
    called(log)
    work.run(work_on(folder, log, texts))
    assert called(log) == "abcn"  # the texts of d and z begin with an a and an n


def test_another_version_of_a_library_is_adopted_like_code(tmp_path, log, code, monkeypatch):
    folder = tmp_path / "out"
    versions = {"torch": "2.13.0"}
    monkeypatch.setattr("rjcma.jobs.code.libraries", lambda modules: dict(versions))
    work.run(work_on(folder, log))
    versions["torch"] = "2.14.0"
    adoption.adopt([work_on(folder, log)], 2)
    called(log)
    work.run(work_on(folder, log))
    assert called(log) == ""


def test_works_of_several_folders_are_adopted_together_or_not_at_all(tmp_path, log, code):
    one, two = tmp_path / "one", tmp_path / "two"
    work.run(work_on(one, log, {"a": "a"}))
    work.run(work_on(two, log, {"h": "hhh"}))
    code("after")
    ledger = (one / ".keys").read_bytes()
    works = [work_on(one, log, {"a": "a"}), work_on(two, log, {"h": "hhh"}, ending="!")]
    with pytest.raises(Problems, match="clip h"):
        adoption.adopt(works, 5)
    assert (one / ".keys").read_bytes() == ledger
    called(log)
    adoption.adopt([work_on(one, log, {"a": "a"}), work_on(two, log, {"h": "hhh"})], 1)
    assert called(log) == "a"
    work.run(work_on(two, log, {"h": "hhh"}))
    assert called(log) == ""


def test_a_missing_model_stops_adoption(tmp_path, log, code):
    folder = tmp_path / "out"
    work.run(work_on(folder, log, models={"m": "one"}))
    code("after")
    missing = Problem(file="m", found="no such folder", expected="a model", cure="get it")
    with pytest.raises(Problem, match="get it"):
        adoption.adopt([work_on(folder, log, models={"m": missing})], 2)


def test_a_stage_can_hand_over_its_work_without_doing_it(tmp_path, log):
    folder = tmp_path / "out"

    def stage(name):
        adoption.run(work_on(folder, log, {name: "x"}))
        raise AssertionError("went on")

    assert [job.name for job in adoption.work_of(stage, "n").jobs] == ["n"]
    assert not folder.exists() and adoption.work_of(lambda: None) is None
    adoption.run(work_on(folder, log, {"n": "x"}))
    assert (folder / "n.txt").read_text() == "x"


def test_recipes_really_use_the_digest_of_the_code():
    """The function that the fixture replaces is the one that recipes call."""
    assert work_on(Path("x"), Path("y")).recipe.code == digest([__name__])

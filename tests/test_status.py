"""`rjcma status`: what is done of each stage, and what the next `dvc repro` would make."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from rjcma import status
from rjcma.jobs import digests, work
from rjcma.jobs.digests import digest_file
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.work import Job, Work
from rjcma.problem import Problem, Problems
from rjcma.status import State

MISSING = Problem(file="the manifest", found="no such file", expected="one", cure="make it")


def write(text: Path, path: Path) -> None:
    """What all stages here do."""
    content = text.read_text()
    if content == "bad":
        raise Problem(file=text, found="bad text", expected="good text", cure="improve it")
    path.write_text(content)


class Stage(NamedTuple):
    """A stage as `rjcma.pipeline` gives it, of work that is made here."""

    name: str
    built: Work | Problem | None
    before: frozenset[str] = frozenset()
    changed: bool = False

    @property
    def base(self) -> str:
        return self.name.partition("@")[0]

    @property
    def outs(self) -> tuple[Path, ...]:
        return (self.built.folder,) if isinstance(self.built, Work) else ()

    def work(self) -> Work | None:
        if isinstance(self.built, Problem):
            raise self.built
        return self.built


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder in which digests are remembered."""
    monkeypatch.chdir(tmp_path)
    digests.remember_in(tmp_path / "digests.jsonl")
    yield tmp_path
    digests.remember_in(None)


def build(source: Path, out: Path, names=("a", "b_left", "b_right"), **other) -> Work:
    """Work that copies `source/<name>.txt` for each name."""
    files = [source / f"{name}.txt" for name in names]
    jobs = [Job(path.stem, (path,), {"file": digest_input(path)}) for path in files]
    return Work(f"{__name__}:write", jobs, out, ".txt", workers="here", quiet=True, **other)


def texts(folder: Path, **contents: str) -> Path:
    folder.mkdir()
    for name, content in contents.items():
        (folder / f"{name}.txt").write_text(content)
    return folder


@pytest.fixture
def source(here):
    return texts(here / "source", a="one", b_left="two", b_right="three")


@pytest.fixture
def told(monkeypatch):
    """The states of these stages, by name."""

    def states(*stages: Stage) -> dict[str, State]:
        monkeypatch.setattr(status, "stages", lambda: list(stages))
        return {state.name: state for state in status.status()}

    return states


def test_nothing_is_done_before_the_first_run_and_all_after_it(here, source, told):
    made = build(source, here / "out")
    before = told(Stage("copy", made))["copy"]
    assert (before.done, before.missing, before.now, before.size) == (0, 3, 3, 0)
    assert not (here / "out").exists()
    work.run(made)
    after = told(Stage("copy", made))["copy"]
    assert (after.done, after.missing, after.now, after.size) == (3, 0, 0, 11)


def test_what_is_stale_is_counted_by_reason(here, source, told):
    work.run(build(source, here / "out", settings={"copy": {"size": 1}}))
    (source / "a.txt").write_text("another")
    state = told(Stage("copy", build(source, here / "out", settings={"copy": {"size": 2}})))["copy"]
    assert state.stale == {"copy.size 1 -> 2": 2, "copy.size 1 -> 2 and input": 1}
    assert (state.done, state.missing, state.now) == (0, 0, 3)


def test_what_is_made_of_files_that_are_not_here_is_told_apart(here, source, told):
    work.run(build(source, here / "out"))
    (source / "a.txt").unlink()
    (source / "b_left.txt").write_text("another")
    state = told(Stage("copy", build(source, here / "out")))["copy"]
    assert state.stale == {"input not here": 1, "input": 1} and state.done == 1


def test_a_lost_file_is_missing_and_an_edited_one_is_stale(here, source, told):
    work.run(build(source, here / "out"))
    (here / "out/a.txt").unlink()
    digest_file(here / "out/b_left.txt")
    os.utime(here / "out/b_left.txt", (1, 1))
    digest_file(here / "out/b_left.txt")  # remembered, as it is old now
    (here / "out/b_left.txt").write_text("edited")
    state = told(Stage("copy", build(source, here / "out")))["copy"]
    assert (state.done, state.missing, state.stale) == (1, 1, {"edited file": 1})


def test_files_that_were_never_read_here_are_not_read(here, source, told, monkeypatch):
    work.run(build(source, here / "out"))
    made = build(source, here / "out")
    read = []
    monkeypatch.setattr(digests, "digest_read", lambda path: read.append(path))
    assert told(Stage("copy", made))["copy"].done == 3 and read == []


def test_a_job_that_failed_is_told_with_its_problem_until_it_succeeds(here, source, told):
    (source / "a.txt").write_text("bad")
    with pytest.raises(Problems):
        work.run(build(source, here / "out"))
    state = told(Stage("copy", build(source, here / "out")))["copy"]
    assert list(state.failed) == ["a"] and (state.done, state.missing, state.now) == (2, 0, 1)
    assert "copy: a failed: " in status.table([state]) and "improve it" in status.table([state])
    (source / "a.txt").write_text("good")
    work.run(build(source, here / "out"))
    assert told(Stage("copy", build(source, here / "out")))["copy"].failed == {}
    names = {path.name for path in (here / "out").iterdir()}
    assert names == {".keys", "a.txt", "b_left.txt", "b_right.txt"}


def pipeline(source: Path, here: Path) -> list[Stage]:
    """Videos a and b; clips a, b_left and b_right of them; one run."""
    return [
        Stage("sound", build(source, here / "sound", ("a", "b"), unit="video")),
        Stage("clips", build(source, here / "clips"), frozenset({"sound"})),
        Stage("train@x", build(source, here / "x", "a", unit="run"), frozenset({"sound", "clips"})),
        Stage("score", None, frozenset({"sound", "clips", "train@x"})),
    ]


@pytest.fixture
def done(here, source):
    (source / "b.txt").write_text("four")
    for stage in pipeline(source, here):
        if stage.built is not None:
            work.run(stage.built)


def test_what_is_made_of_a_video_may_be_made_anew_after_it(here, source, told, done):
    (here / "sound/b.txt").unlink()
    states = told(*pipeline(source, here))
    assert (states["sound"].now, states["sound"].later) == (1, 0)
    assert (states["clips"].now, states["clips"].later) == (0, 2)  # not of a
    assert (states["train"].now, states["train"].later) == (0, 1)
    assert (states["clips"].done, states["score"].changed) == (3, True)


def test_nothing_would_be_made_where_all_is_done(here, source, told, done):
    states = told(*pipeline(source, here))
    assert all(state.now == state.later == 0 and not state.changed for state in states.values())
    assert [line.split()[-1] for line in status.table([*states.values()]).splitlines()[1:]] == [
        "-"
    ] * 4


def test_a_changed_input_that_will_be_made_anew_itself_may_turn_out_the_same(
    here, source, told, done
):
    work.run(build(here / "sound", here / "later", ("a", "b")))
    (here / "sound/b.txt").unlink()
    later = Stage("later", build(here / "sound", here / "later", ("a", "b")), frozenset({"sound"}))
    state = told(pipeline(source, here)[0], later)["later"]
    assert (state.stale, state.now, state.later) == ({"input not here": 1}, 0, 1)


def test_runs_of_one_stage_are_told_in_one_row(here, source, told):
    variants = [build(source, here / name, (name,), unit="run") for name in ("a", "b_left")]
    work.run(variants[0])
    states = told(*(Stage(f"train@{n}", each) for n, each in enumerate(variants)))
    assert list(states) == ["train"]
    assert (states["train"].done, states["train"].missing, states["train"].size) == (1, 1, 3)


def test_a_stage_that_cannot_be_told_yet_is_told_so_once(told, here):
    states = told(Stage("one", MISSING), Stage("two", MISSING))
    table = status.table([*states.values()])
    assert table.count("cannot be told yet") == 2 and "one, two: the manifest: found no" in table


def test_stages_whose_inputs_are_not_here_yet_are_told_in_one_line(told, here, source):
    first = Stage("first", build(source, here / "never made"))
    runs = [Stage(f"train@{n}", MISSING, frozenset({"first"})) for n in range(2)]
    table = status.table(
        [*told(first, Stage("later", MISSING, frozenset({"first"})), *runs).values()]
    )
    assert len(table.splitlines()) == 1 + 3 + 1 and "the manifest" not in table
    assert table.splitlines()[-1].startswith("later, train: cannot be told before")


def test_a_model_that_is_missing_is_told_only_where_something_must_be_made(here, source, told):
    work.run(build(source, here / "out", models={"m": "one"}))
    made = build(source, here / "out", models={"m": MISSING})
    assert told(Stage("copy", made))["copy"].notes == []
    (here / "out/a.txt").unlink()
    assert "make it" in status.table([told(Stage("copy", made))["copy"]])


def test_the_table_of_all_stages_has_a_column_for_each_number(here, source, told):
    work.run(build(source, here / "out", ("a",)))
    states = told(Stage("copy", build(source, here / "out")), Stage("index", None))
    header, copy, index = status.table([*states.values()]).splitlines()
    assert header.split()[:8] == [*status.COLUMNS[:8]]
    assert copy.split() == ["copy", "clip", "3", "1", "0", "2", "0", "3.00B", "makes", "2"]
    assert index.split()[:2] == ["index", "runs:"]


def test_the_record_of_failures_is_json(here, source):
    (source / "a.txt").write_text("bad")
    with pytest.raises(Problems):
        work.run(build(source, here / "out"))
    assert list(json.loads((here / "out" / work.FAILED).read_text())) == ["a"]
    assert set(Ledger(here / "out").entries) == {"b_left.txt", "b_right.txt"}

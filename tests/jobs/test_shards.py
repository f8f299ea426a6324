"""Shards: parts of a stage's work, which commands do that know nothing of each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import deadly
import pytest
from places import ROOT

from rjcma.jobs import shards
from rjcma.jobs.shards import Shard
from rjcma.jobs.work import run
from rjcma.problem import Problem, Problems

TEXTS = {name: name * 3 for name in "abcdefg"}


@pytest.fixture(autouse=True)
def shard(monkeypatch):
    """Choose the shard of the next command."""

    def choose(value):
        monkeypatch.setenv("RJCMA_SHARD", value)

    monkeypatch.setenv("RJCMA_WORKERS", "1")
    return choose


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def made(folder, texts=TEXTS, **other):
    """Do the work over `texts`; -> how it was called."""
    log = folder.with_name("log")
    log.unlink(missing_ok=True)
    run(deadly.work(folder, log, texts, workers="threads", **other))
    return deadly.calls(log)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_shard_that_finishes_last_completes_the_folder(folder, shard, tmp_path):
    calls = []
    for number in (2, 3, 1):
        assert ".keys" not in contents(folder) if folder.exists() else True
        shard(f"{number}/3")
        calls += made(folder)
    assert sorted(calls) == sorted(TEXTS.values())
    shard("")
    made(tmp_path / "alone")
    assert contents(folder) == contents(tmp_path / "alone")
    assert made(folder) == []


def test_more_shards_than_clips_do_no_harm(folder, shard):
    for number in range(1, 10):
        shard(f"{number}/9")
        made(folder)
    assert set(contents(folder)) == {".keys", *(f"{name}.txt" for name in TEXTS)}


def test_a_shard_makes_only_its_outdated_clips(folder, shard):
    made(folder)
    texts = TEXTS | {"a": "ape", "b": "bat", "z": "zoo"}
    shard("2/2")
    assert made(folder, texts) == ["bat", "zoo"]
    assert (folder / "a.txt").read_text() == "AAA"  # until the other shard has replaced it
    assert made(folder, texts) == []
    shard("1/2")
    assert made(folder, texts) == ["ape"]
    shard("")
    assert made(folder, texts) == []


def test_a_shard_removes_no_file_of_another(folder, shard):
    shard("1/2")
    made(folder)
    before = contents(folder)
    (folder / ".b.txt.partial").write_text("another shard is writing it")
    shard("2/2")
    texts = TEXTS | {"d": "bad"}
    with pytest.raises(Problems, match="clip bad"):
        made(folder, texts)
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    assert ".keys" not in after


def test_a_failed_shard_is_run_again_alone(folder, shard):
    texts = TEXTS | {"d": "bad"}
    shard("2/2")
    with pytest.raises(Problems):
        made(folder, texts)
    shard("1/2")
    made(folder, texts)
    shard("2/2")
    assert made(folder) == ["ddd"]
    assert sorted(name for name in contents(folder) if name.startswith(".")) == [".keys"]


def test_what_unfinished_shards_have_made_is_kept_by_a_run_without_shards(folder, shard):
    for number in (1, 4):
        shard(f"{number}/4")
        made(folder)
    shard("")
    assert made(folder) == ["bbb", "ccc", "fff", "ggg"]
    assert set(contents(folder)) == {".keys", *(f"{name}.txt" for name in TEXTS)}


PROGRAM = """
import sys
from pathlib import Path
import deadly
from rjcma.jobs.work import run
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    texts = {str(n): str(n) * 3 for n in range(60)}
    run(deadly.work(folder, folder.with_name("log"), texts, workers="one"))
"""


def test_shards_that_run_at_once_leave_a_complete_folder(folder, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests/helpers")))

    def start(folder: Path, value: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": path, "RJCMA_SHARD": value}
        return subprocess.Popen([sys.executable, script, folder], env=environment)

    running = [start(folder, f"{number}/4") for number in range(1, 5)]
    assert [process.wait() for process in running] == [0] * 4
    assert start(tmp_path / "alone/out", "").wait() == 0
    assert contents(folder) == contents(tmp_path / "alone/out")
    assert len((tmp_path / "log").read_text().split()) == 60


def test_a_task_of_a_job_array_of_slurm_is_a_shard(shard, monkeypatch):
    found = []
    shard("slurm")
    for task in (10, 12, 14):
        for name, value in {"ID": task, "MIN": 10, "STEP": 2, "COUNT": 3}.items():
            monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
        found.append(shards.chosen())
    assert found == [Shard(1, 3), Shard(2, 3), Shard(3, 3)]


@pytest.mark.parametrize(("task", "step"), [(9, 1), (1, 0)])
def test_a_task_outside_its_job_array_is_a_problem(shard, monkeypatch, task, step):
    shard("slurm")
    for name, value in {"ID": task, "MIN": 1, "STEP": step, "COUNT": 8}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
    with pytest.raises(Problem, match="RJCMA_SHARD: found slurm, which is"):
        shards.chosen()


@pytest.mark.parametrize(
    "value",
    ["0/8", "9/8", "3", "a/b", "/", "-1/8", "3/8/2", "slurm", "1.0/2", "1/0", " 1/2", "²/3"],
)
def test_a_shard_out_of_range_is_a_problem(folder, shard, value):
    shard(value)
    with pytest.raises(Problem, match="RJCMA_SHARD: found"):
        made(folder)
    assert not folder.exists()

"""DVC's files: they are mended if damaged, but not while DVC or a stage runs there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.rwlock import RWLOCK_FILE
from places import ROOT

from rjcma.mend import RWLOCK, mend, running
from rjcma.problem import Problem

WHOLE = '{"/somewhere/data": {"write": {"pid": 7, "cmd": "dvc repro"}}}'
DAMAGED = {
    "empty": b"",
    "half-written": WHOLE[:31].encode(),
    "written over": WHOLE.encode() + WHOLE[-20:].encode(),
    "half a letter": b'{"/caf\xc3',
    "zeros": bytes(64),
    "no object": b"7",
}
SLEEP = "import time; print(flush=True); time.sleep(600)"

Start = Callable[..., subprocess.Popen[str]]


def lock(root: Path, content: bytes) -> Path:
    path = root / RWLOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python that sleeps in a folder, with these arguments."""
    started: list[subprocess.Popen[str]] = []

    def run(folder: Path, *arguments: str) -> subprocess.Popen[str]:
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, *arguments]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def module(root: Path, name: str) -> None:
    """Write a module into a folder; it sleeps when it is run."""
    path = root.joinpath(*name.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SLEEP)


def test_the_lock_is_the_one_that_dvc_writes(tmp_path: Path) -> None:
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        assert Path(str(repo.tmp_dir)) / RWLOCK_FILE == tmp_path / RWLOCK


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_lock_is_removed_with_a_message(tmp_path: Path, content: bytes) -> None:
    path = lock(tmp_path, content)
    assert mend(tmp_path) == [f"{path}: damaged file removed"]
    assert not path.exists()
    assert mend(tmp_path) == []


@pytest.mark.parametrize("content", [WHOLE, "{}"])
def test_an_intact_lock_is_kept(tmp_path: Path, content: str) -> None:
    path = lock(tmp_path, content.encode())
    assert mend(tmp_path) == []
    assert path.read_text() == content


def test_without_a_lock_nothing_is_done(tmp_path: Path) -> None:
    assert mend(tmp_path) == []
    (tmp_path / RWLOCK.parent).mkdir(parents=True)
    assert mend(tmp_path) == []


RECORD = """schema: '2.0'
stages:
  one:
    cmd: echo made > one.txt
    outs:
    - path: one.txt
      hash: md5
      md5: 78d4f4acd30f33df10eb2b5e6da8d0ee
      size: 5
"""


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize("length", [0, 5, 15, 22, 31])
def test_a_record_that_a_kill_has_cut_off_is_removed(tmp_path: Path, length: int) -> None:
    path = tmp_path / "dvc.lock"
    path.write_text(RECORD[:length])
    assert mend(tmp_path) == [f"{path}: damaged file removed"]
    assert not path.exists()


@pytest.mark.parametrize("name", ["dvc.lock", "ablation/dvc.lock"])
def test_a_record_that_git_has_is_restored(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(RECORD)
    for command in (["init"], ["add", name], ["commit", "-m", "one"]):
        git(tmp_path, *command)
    path.write_text(RECORD[:31])
    assert mend(tmp_path) == [f"{path}: damaged file replaced by that of the last commit"]
    assert path.read_text() == RECORD


@pytest.mark.parametrize(
    "content", [RECORD, f"<<<<<<< HEAD\n{RECORD}=======\n{RECORD}>>>>>>> other\n"]
)
def test_an_intact_record_and_one_in_conflict_are_kept(tmp_path: Path, content: str) -> None:
    (tmp_path / "dvc.lock").write_text(content)
    assert mend(tmp_path) == []
    assert (tmp_path / "dvc.lock").read_text() == content


RUNNING = {
    "module": ("-m", "dvc", "repro"),
    "program": ("dvc", "repro"),
    "stage": ("-m", "stages.train", "data/clips.jsonl"),
    "launched stage": ("-c", SLEEP, "launch", "-m", "stages.train"),
}
"""The arguments with which DVC and stages are started, after the interpreter."""


@pytest.mark.parametrize("arguments", RUNNING.values(), ids=RUNNING)
@pytest.mark.parametrize("below", ["", "data/below"])
def test_nothing_is_done_while_dvc_or_a_stage_runs_there(
    tmp_path: Path, start: Start, arguments: tuple[str, ...], below: str
) -> None:
    folder = tmp_path / below
    module(folder, "dvc")
    module(folder, "stages.train")
    (folder / "dvc").write_text(SLEEP)
    path = lock(tmp_path, b"")
    process = start(folder, *arguments)
    with pytest.raises(Problem) as caught:
        mend(tmp_path)
    assert f"process {process.pid} still running here" in caught.value.found
    assert caught.value.file == str(path) and path.exists()
    process.kill()
    process.wait()
    assert mend(tmp_path) and not path.exists()


def test_a_process_in_another_folder_does_not_matter(tmp_path: Path, start: Start) -> None:
    here, there = tmp_path / "here", tmp_path / "here too"
    module(there, "dvc")
    start(there, "-m", "dvc", "repro")
    path = lock(here, b"")
    assert list(running(here)) == []
    assert mend(here) and not path.exists()


def test_another_program_in_the_folder_does_not_matter(tmp_path: Path, start: Start) -> None:
    start(tmp_path, "-c", SLEEP, "edit", "dvc.yaml", "stages/train.py")
    path = lock(tmp_path, b"")
    assert list(running(tmp_path)) == []
    assert mend(tmp_path) and not path.exists()


def test_a_folder_is_the_same_through_a_link(tmp_path: Path, start: Start) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    module(real, "dvc")
    link.symlink_to(real)
    lock(real, b"")
    process = start(real, "-m", "dvc", "repro")
    assert [pid for pid, _ in running(link)] == [process.pid]
    with pytest.raises(Problem):
        mend(link)


def test_dvc_itself_runs_again_after_its_damaged_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {one: {cmd: echo made > one.txt, outs: [one.txt]}}")
    Repo.init(str(tmp_path), no_scm=True).close()
    committed = (ROOT / ".dvc/config").read_text()  # so that no process of DVC stays running
    (tmp_path / ".dvc/config").write_text(committed + "    no_scm = true\n")
    dvc = [str(Path(sys.executable).with_name("dvc")), "repro"]
    lock(tmp_path, WHOLE[:31].encode())
    failed = subprocess.run(dvc, cwd=tmp_path, capture_output=True, text=True)
    assert failed.returncode != 0 and "JSON structure is corrupted" in failed.stderr
    assert mend(tmp_path)
    subprocess.run(dvc, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "one.txt").read_text() == "made\n"
    (tmp_path / "dvc.lock").write_text("")
    failed = subprocess.run(dvc, cwd=tmp_path, capture_output=True, text=True)
    assert failed.returncode != 0 and "validation failed" in failed.stderr
    assert mend(tmp_path)
    subprocess.run(dvc, cwd=tmp_path, capture_output=True, check=True)

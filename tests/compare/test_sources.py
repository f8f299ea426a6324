"""Where a report comes from: a folder, a run of `dvc exp show`, a revision; and where from not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from report_world import Report

from rjcma.compare import sources
from rjcma.problem import Problem

MAKE = """
import shutil, sys
shutil.copytree(f"made/{sys.argv[1]}", "data/report", dirs_exist_ok=True)
"""
OUTS = [f"data/report/{name}" for name in ("clips.json", "traces", "assets", "clips", "index.html")]
STAGE = {"cmd": "python make.py ${which}", "params": ["which"], "outs": OUTS}
PIPELINE = {"stages": {"score": {**STAGE, "metrics": ["data/report/metrics.json"]}}}
FIRST, OTHER = {"anna": 7}, {"bert": 11}


def run(folder: Path, *command: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    roles = ("GIT_AUTHOR_", "GIT_COMMITTER_")
    who = {role + key: "a@b" for role in roles for key in ("NAME", "EMAIL")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **who, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A project whose last commit has a report of anna, and whose run `other` has one of bert."""
    folder = tmp_path_factory.mktemp("lab")
    for name, clips in (("first", FIRST), ("other", OTHER)):
        Report(2, clips).write(folder / "made" / name)
        for part in ("assets/data", "clips"):
            (folder / "made" / name / part).mkdir(parents=True)
        (folder / "made" / name / "assets/data/x.js").write_text("data")
        (folder / "made" / name / "clips/x.html").write_text("page")
        (folder / "made" / name / "index.html").write_text("pages")
    (folder / "make.py").write_text(MAKE)
    (folder / "params.yaml").write_text(json.dumps({"which": "first"}))
    (folder / "dvc.yaml").write_text(json.dumps(PIPELINE))
    for command in ("git init -q", "dvc init -q", "dvc config core.analytics false"):
        run(folder, *command.split())
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "nothing was made yet")
    run(folder, "dvc", "repro", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "results")
    run(folder, "git", "tag", "v1")
    run(folder, "dvc", "exp", "run", "-q", "-n", "other", "-S", "which=other")
    return folder


@pytest.fixture
def here(lab, monkeypatch):
    monkeypatch.chdir(lab)
    return lab


def clips_of(source: sources.Source) -> list[str]:
    return sorted(path.stem for path in (source.folder / "traces").iterdir())


def status(folder: Path) -> str:
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_folder_is_taken_as_it_is(here, tmp_path):
    source = sources.find("made/first", tmp_path / "a", pages=True)
    assert (source.folder, source.shown) == (Path("made/first"), "made/first")
    assert source.has_pages and not (tmp_path / "a").exists()


@pytest.mark.parametrize("name, clip", [("v1", "anna"), ("HEAD", "anna"), ("other", "bert")])
def test_a_revision_and_a_run_come_from_the_cache_and_change_nothing_here(
    here, tmp_path, name, clip
):
    before = status(here), (here / "data/report/metrics.json").read_bytes()
    source = sources.find(name, tmp_path / "a", pages=False)
    assert clips_of(source) == [clip] and len(source.revision) == 40
    assert source.shown == f"{name} ({source.revision[:7]})"
    assert (source.folder / "assets/data/x.js").exists() and not source.has_pages
    assert before == (status(here), (here / "data/report/metrics.json").read_bytes())


def test_pages_are_taken_if_they_are_asked_for(here, tmp_path):
    source = sources.find("other", tmp_path / "a", pages=True)
    assert source.has_pages and (source.folder / "clips/x.html").read_text() == "page"
    assert {path.name for path in source.folder.iterdir()} == {
        path.name for path in (here / "data/report").iterdir() if path.name != ".gitignore"
    }


def test_workspace_is_the_report_that_is_here(here, tmp_path):
    assert clips_of(sources.find("workspace", tmp_path / "a", pages=False)) == ["bert"]


def test_a_folder_that_is_no_report_does_not_hide_a_revision_of_its_name(here, tmp_path):
    run(here, "git", "branch", "-f", "made", "v1")
    assert clips_of(sources.find("made", tmp_path / "a", pages=False)) == ["anna"]
    run(here, "git", "branch", "-D", "-q", "made")


@pytest.mark.parametrize(
    "name, found",
    [
        ("nothing", "nothing: found no such folder, experiment or revision"),
        ("made", "made: found no metrics.json or no traces"),
        ("v1~1", "v1~1: found that data/report.* is neither in DVC's cache nor in its remote"),
        ("-x", "-x: found no such folder, experiment or revision"),
        ("", "found an empty name"),
    ],
)
def test_what_is_not_there_is_a_problem_in_one_line(here, tmp_path, name, found):
    with pytest.raises(Problem, match=found) as raised:
        sources.find(name, tmp_path / "a", pages=False)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "a").exists()


def test_a_file_that_is_gone_from_the_cache_is_a_problem(lab, tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    shutil.copytree(lab, copy, symlinks=True)
    shutil.rmtree(copy / ".dvc/cache")
    monkeypatch.chdir(copy)
    with pytest.raises(Problem, match="neither in DVC's cache nor in its remote"):
        sources.find("other", tmp_path / "a", pages=True)
    assert not (tmp_path / "a").exists()


def test_outside_of_a_project_only_folders_are_known(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert clips_of(sources.find(str(lab / "made/first"), tmp_path / "a", pages=True)) == ["anna"]
    with pytest.raises(Problem, match="no such folder, and you are not inside of a DVC repository"):
        sources.find("v1", tmp_path / "a", pages=False)

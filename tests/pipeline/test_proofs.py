"""Promises of the whole pipeline that take minutes to prove."""

from __future__ import annotations

import pytest
from project import TINY, Project

pytestmark = pytest.mark.long


def test_killed_runs_lose_nothing_and_end_in_the_same_bytes(tmp_path):
    project = Project(tmp_path / "project")
    printed = project.run(
        *("python", "-m", "benchmarks.kills", "--kills", "8", "--per-clone", "8"),
    )
    assert "| all | 8 |" in printed


def test_two_folders_and_numbers_of_workers_give_the_same_hashes(tmp_path, monkeypatch):
    locks = []
    for name, workers in (("one", "1"), ("another, with a longer name é", "2")):
        monkeypatch.setenv("RJCMA_WORKERS", workers)
        project = Project(tmp_path / name)
        project.edit(recursions=1, training={"epochs": 2}, corpus={"folds": 2}, **TINY)
        project.run("dvc", "repro")
        locks.append((project.folder / "dvc.lock").read_text())
    assert locks[0] == locks[1]
    for stage in ("sample@sample", "encode@visual", "train@valence-0", "train@arousal-0", "score"):
        assert f"  {stage}:\n" in locks[0]

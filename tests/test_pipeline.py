"""The stages are read from DVC's files; what DVC cannot read is a problem."""

from __future__ import annotations

from pathlib import Path

import pytest
from dvc.repo import Repo

from rjcma import pipeline
from rjcma.problem import Problem

CONFLICT = "<<<<<<< HEAD\nschema: '2.0'\n=======\nschema: '2.0'\nstages: {}\n>>>>>>> other\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, where DVC finds no repository above."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_outside_of_the_project_is_a_problem(here):
    with pytest.raises(Problem, match=r"to do: go to the folder that holds dvc\.yaml"):
        pipeline.stages()


@pytest.mark.parametrize(
    ("name", "content", "cure"),
    [
        ("dvc.lock", "", "`rjcma mend`"),
        ("dvc.lock", CONFLICT, "settle the conflict"),
        ("dvc.yaml", "stages: {one: {cmd: }}", "correct the file"),
        ("dvc.yaml", "stages: [", "correct the file"),
    ],
)
def test_a_file_that_dvc_cannot_read_is_a_problem(here: Path, name, content, cure):
    Repo.init(str(here), no_scm=True).close()
    (here / "dvc.yaml").write_text("stages: {one: {cmd: echo made > one.txt, outs: [one.txt]}}")
    assert [stage.name for stage in pipeline.stages()] == ["one"]
    (here / name).write_text(content)
    with pytest.raises(Problem, match=cure) as caught:
        pipeline.stages()
    assert name in caught.value.found

"""`rjcma make`: the work of a stage without DVC, which `dvc repro` then only records."""

from __future__ import annotations

import os
import shutil

import pytest
import tiny_corpus
from dvc.repo import Repo
from project import Project

from rjcma import pipeline

MAKE = ("python", "-m", "rjcma.cli", "make")
TARGETS = ("valence", "arousal")
REPRO = ("dvc", "repro", "--single-item", "encode@audio")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with the tiny corpus's features, encoded and trained on by its stages' programs.

    Tests do not change it.
    """
    project = Project(tmp_path_factory.mktemp("project"))
    made = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(made)
    for name in ("faces", "logmel", "text"):
        shutil.copytree(made / name, project.folder / "data/features" / name)
    (project.folder / "data/audio").mkdir()  # that of speech models, which are none here
    shutil.copytree(made / "labels", project.folder / "data/labels")
    shutil.copy(made / "clips.jsonl", project.folder / "data")
    (project.folder / "data/models.json").write_text("{}")
    (project.folder / "data/engines.json").write_text('{"params": {}, "models": {}}')
    sections = tiny_corpus.params(tiny_corpus.settings(epochs=2))
    del sections["corpus"]
    project.edit(**sections, corpus={"folds": 2}, runs={"targets": [*TARGETS], "folds": [0]})
    project.run("git", "commit", "-qam", "tiny params")
    for stage in ("encode", "train"):
        for variant in pipeline_in(project, stage):
            project.run("sh", "-c", variant.cmd)
    return project


def pipeline_in(project, stage):
    """The variants of a stage as DVC reads them."""
    with Repo(project.folder) as repo:
        return [s for s in repo.index.stages if s.name.startswith(stage + "@")]


@pytest.fixture
def project(trained, tmp_path):
    """A copy of it in which nothing is encoded or trained yet."""
    project = Project(tmp_path / "project", copied=trained)
    for made in ("runs", "features/visual", "features/audio"):
        shutil.rmtree(project.folder / "data" / made)
    return project


def recorded(project, name):
    """Have DVC record a variant -> what its program printed of its files."""
    return project.why("dvc", "repro", "--single-item", name)


def test_runs_that_are_trained_at_once_are_those_of_dvc(trained, project):
    project.run(*MAKE, "encode")
    printed = project.run(*MAKE, "train")
    assert "train: 2 in all, 0 kept, 2 to make" in printed
    for target in TARGETS:  # two epochs and an end; lines of several runs are not mixed up
        assert sum(line.startswith(f"{target}, fold 0: ") for line in printed.splitlines()) == 3
    assert project.outputs() == trained.outputs()
    assert "train: 2 in all, 2 kept, 0 to make" in project.run(*MAKE, "train")
    assert recorded(project, "train@valence-0") == {"data/runs/valence-0": "1 in all, 1 kept"}
    assert project.outputs() == trained.outputs()


def test_shards_make_what_dvc_then_records(trained, project):
    for stage in ("encode", "train"):
        for shard in ("2/2", "1/2"):
            printed = project.run("env", f"RJCMA_SHARD={shard}", *MAKE, stage)
    assert "train: 1 in all" in printed
    assert project.outputs() == trained.outputs()
    printed = project.run("env", "RJCMA_SHARD=1/2", "dvc", "repro", ok=False)
    assert "expected no shard in `dvc repro`" in printed
    kept = {"data/features/audio": "6 in all, 6 kept"}
    assert recorded(project, "encode@audio") == kept


def test_a_run_that_fails_leaves_the_others_trained(trained, project):
    project.run(*MAKE, "encode")
    (project.folder / "data/runs").mkdir()
    (project.folder / "data/runs/valence-0").write_text("a file where a folder must be")
    printed = project.run(*MAKE, "train", ok=False)
    assert "Traceback" not in printed and "problem: data/runs/valence-0" in printed
    kept = {path: data for path, data in trained.outputs().items() if "runs/arousal" in path}
    assert kept.items() <= project.outputs().items()


def test_dvc_and_make_keep_off_what_the_other_is_making(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    variants = pipeline._variants("encode")
    with pipeline._locked("encode", variants, None):
        assert "is busy" in project.run(*REPRO, ok=False)
        printed = project.run(*MAKE, "encode", ok=False)
        assert f"(PID {os.getpid()}): rjcma make encode" in printed and "Traceback" not in printed
        assert "is busy" in project.run("env", "RJCMA_SHARD=1/2", *MAKE, "encode", ok=False)
    shard = pipeline.Shard(1, 2)
    with pipeline._locked("encode", variants, shard):
        assert "is busy" in project.run(*REPRO, ok=False)
        project.run("env", "RJCMA_SHARD=2/2", *MAKE, "encode")


@pytest.mark.parametrize("stage", [*pipeline.WHOLE, "nope"])
def test_a_stage_without_clips_is_refused(project, stage):
    before = project.outputs()
    assert "problem: " in project.run(*MAKE, stage, ok=False)
    assert project.outputs() == before

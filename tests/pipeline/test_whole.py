"""The whole pipeline, as a user runs it: `dvc repro` in a folder of its own, on a tiny corpus."""

from __future__ import annotations

import json

import pytest
from project import TINY, Project
from ruamel.yaml import YAML


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project in which the whole pipeline has run once."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.edit(recursions=1, training={"epochs": 1}, corpus={"folds": 2}, **TINY)
    project.run("git", "commit", "-qam", "tiny params")
    project.run("dvc", "repro")
    return project


def test_the_whole_pipeline_ends_in_a_table_and_its_metrics(project):
    metrics = json.loads((project.folder / "data/report/metrics.json").read_text())
    assert set(metrics) == {"valence", "arousal", "mean"}
    assert set(metrics["valence"]) == {"ccc", "ccc_std", "folds"}
    assert set(metrics["valence"]["folds"]["0"]) == {"ccc", "ccc_clip_mean", "frames", "clips"}
    assert "| Fold 0 " in project.run("rjcma", "table", "data/report")
    assert "valence.ccc" in project.run("dvc", "metrics", "show")


def test_every_clip_has_predictions_for_every_frame(project):
    for line in (project.folder / "data/clips.jsonl").read_text().splitlines():
        clip = json.loads(line)
        path = project.folder / "data/report/predictions/fold0" / f"{clip['name']}.csv"
        header, *rows = path.read_text().splitlines()
        assert header == "frame,time,valence,arousal" and len(rows) == clip["frames"]


def test_a_second_run_does_nothing_but_look_at_the_corpus(project):
    before = project.outputs()
    assert project.ran("dvc", "repro") == ["index"]
    assert project.outputs() == before


def test_an_ablation_runs_training_and_scoring_only(project):
    ran = project.ran("dvc", "exp", "run", "-S", "recursions=2")
    assert set(ran) == {"index", "train@valence-0", "train@arousal-0", "score"}


def test_a_changed_annotation_computes_no_feature_anew(project):
    path = next((project.folder / "data/sample/annotations/VA/train").iterdir())
    original = path.read_text()
    header, _, rest = original.split("\n", 2)
    path.write_text(f"{header}\n0.123,0.321\n{rest}")
    features = {k: v for k, v in project.outputs().items() if "data/features" in k}
    project.run("dvc", "repro", "--single-item", "index")
    stale = project.run("dvc", "status")
    path.write_text(original)
    assert {k: v for k, v in project.outputs().items() if "data/features" in k} == features
    assert "train@valence-0" in stale and "logmel:" not in stale and "pack_faces:" not in stale


def test_precompute_mode_encodes_first_and_trains_on_the_vectors(project):
    project.edit(encoders=PRECOMPUTE)
    ran = project.ran("dvc", "repro")
    assert {"encode@visual", "encode@audio", "train@valence-0", "score"} <= set(ran)
    assert not {"pack_faces", "logmel", "transcribe"} & set(ran)
    listed = project.run("dvc", "stage", "list")
    assert "encode@visual" in listed
    deps = YAML(typ="safe").load(project.folder / "dvc.lock")["stages"]["train@valence-0"]["deps"]
    paths = {dep["path"] for dep in deps}
    assert "data/features/visual" in paths and "data/features/faces" not in paths


def test_a_params_mistake_is_one_line_and_an_exit_status(project):
    original = (project.folder / "params.yaml").read_text()
    project.edit(recursions=0)
    said = project.run("rjcma", "check", ok=False)
    (project.folder / "params.yaml").write_text(original)
    assert "recursions = 0" in said and "Traceback" not in said

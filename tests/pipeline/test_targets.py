"""Targets are what the corpus calls them: a run, its report and its units follow."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import tiny_corpus
from dvc.repo import Repo
from project import Project

from rjcma import manifest
from rjcma.corpus import labels


def test_a_target_of_another_name_and_scale_goes_to_the_table(tmp_path):
    project, made = Project(tmp_path / "project"), tmp_path / "corpus"
    clips = tiny_corpus.write(made)
    truth = {c.name: labels.read(made / "labels", c) for c in clips if c.partition != "test"}
    third = {name: np.column_stack([v, -v[:, 0], v[:, 1]]) for name, v in truth.items()}
    ranges = {"valence": (-1, 1), "arousal": (-1, 1), "engagement": (0, 100), "liking": (1, 5)}
    labels.write(made / "labels", third, ranges)
    for name in ("faces", "logmel", "text"):
        shutil.copytree(made / name, project.folder / "data/features" / name)
    shutil.copytree(made / "labels", project.folder / "data/labels")
    shutil.copy(made / "clips.jsonl", project.folder / "data")
    (project.folder / "data/models.json").write_text("{}")
    (project.folder / "data/engines.json").write_text('{"params": {}, "models": {}}')
    sections = tiny_corpus.params(tiny_corpus.settings(epochs=2, delay={"engagement": 0.1}))
    listed = {"make": [], "layout": "list", "root": "-", "list": "clips.csv", "folds": 2}
    project.replace(
        **sections
        | {
            "corpus": {**listed, "targets": [*ranges]},
            "runs": {"targets": ["engagement", "liking"], "folds": [0]},
        }
    )
    project.run("git", "commit", "-qam", "other targets")
    with Repo(project.folder) as repo:
        stages = {stage.name: stage.cmd for stage in repo.index.stages}
    wanted = ["encode@visual", "encode@audio", "train@engagement-0", "train@liking-0", "score"]
    for name in wanted:
        project.run("sh", "-c", stages[name])
    report = project.folder / "data/report"
    metrics = json.loads((report / "metrics.json").read_text())
    assert list(metrics) == ["engagement", "liking", "mean"]
    assert "Engagement" in (report / "table.md").read_text()
    assert "labels that lag by 0.1 s" in (report / "table.md").read_text()
    with (report / "predictions/fold0/anna.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["frame", "time", *ranges]
    assert {row["valence"] for row in rows} == {""}
    assert all(0 < float(row["engagement"]) < 100 for row in rows)
    assert all(1 < float(row["liking"]) < 5 for row in rows)
    assert len(rows) == manifest.read(made / "clips.jsonl")[0].frames
    about = project.run("python", "-m", "rjcma.cli", "about", "data/runs/engagement-0/run.json")
    assert "engagement" in about

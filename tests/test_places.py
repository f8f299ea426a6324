"""Where the pipeline keeps its files, as dvc.yaml says."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import ROOT

from rjcma import places
from rjcma.problem import Problem


def test_the_paths_of_a_stage_are_those_of_its_command(monkeypatch):
    monkeypatch.chdir(ROOT)
    manifest, labels, runs, report = places.arguments("score")
    assert {path.parts[0] for path in (manifest, labels, runs, report)} == {"data"}
    assert (manifest.name, labels.name, runs.name, report.name) == (
        *("clips.jsonl", "labels", "runs", "report"),
    )


@pytest.mark.parametrize(
    "text", [None, "stages: [", "stages: {}", "[]", "3", "stages: {score: {cmd: x}}", "\udcff"]
)
def test_without_a_pipeline_to_read_there_is_a_line(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("dvc.yaml").write_text(text, errors="surrogateescape")
    with pytest.raises(Problem) as problem:
        places.arguments("score")
    assert str(problem.value).startswith("dvc.yaml: ") and "\n" not in str(problem.value)

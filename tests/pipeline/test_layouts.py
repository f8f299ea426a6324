"""The whole pipeline on the sample in three layouts, with the params of docs/corpora.md."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest
from documented import documented
from project import Project

LAYOUTS = ("affwild2", "recola", "muse")
MODEL = Path(os.environ.get("RJCMA_SHARED", "")) / "models/face_detection_yunet_2026may.onnx"
PARAMS = documented()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The metrics of the same short training on each layout."""
    found = {}
    for layout in LAYOUTS:
        project = Project(tmp_path_factory.mktemp(layout))
        params = copy.deepcopy(PARAMS[layout].sections)
        params["sample"] |= {"length": 1.0, "videos": None}
        params["corpus"]["folds"] = 2
        if "faces" in params:
            params["faces"]["detector"]["model"] = str(MODEL)
        project.replace(**params)
        project.edit(runs={"folds": [0]}, training={"epochs": 6})
        project.run("git", "commit", "-qam", layout)
        project.run("dvc", "repro")
        found[layout] = json.loads((project.folder / "data/report/metrics.json").read_text())
    return found


@pytest.mark.long
@pytest.mark.skipif(not MODEL.is_file(), reason="RJCMA_SHARED has no model of YuNet")
def test_the_table_is_nearly_the_same_in_all_layouts(tables):
    first = tables["affwild2"]
    for layout in ("recola", "muse"):
        for target in ("valence", "arousal"):
            fold = tables[layout][target]["folds"]["0"]
            assert fold["clips"] == first[target]["folds"]["0"]["clips"]
            print(layout, target, fold["ccc"], first[target]["folds"]["0"]["ccc"])
            assert abs(fold["ccc"] - first[target]["folds"]["0"]["ccc"]) < 0.15

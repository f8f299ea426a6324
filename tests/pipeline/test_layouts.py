"""The sample in three layouts, with the params of docs/corpora.md: the same clips, the same labels,
and nearly the same table."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from project import TINY, Project
from ruamel.yaml import YAML

from rjcma.corpus.audit import audit
from rjcma.corpus.folds import split
from rjcma.corpus.settings import Corpus
from rjcma.jobs.memory import Memory
from rjcma.params import checked
from rjcma.sample.make import make
from rjcma.sample.settings import Sample

LAYOUTS = ("affwild2", "recola", "muse")
NAMES = [
    "16-30-480x270",
    "video31",
    "video14",
    "video22",
    "33-25-480x270",
    "video18",
    "12-24-480x270",
]
MODEL = Path(os.environ.get("RJCMA_SHARED", "")) / "models/face_detection_yunet_2026may.onnx"


def documented():
    """The sections of params that docs/corpora.md changes, and their text, by layout."""
    page = (ROOT / "docs/corpora.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    params = [YAML(typ="safe").load(block) for block in blocks]
    return {each["sample"]["layout"]: (each, text) for each, text in zip(params, blocks)}


PARAMS = documented()


def test_the_page_has_ten_lines_of_params_for_each_layout():
    assert set(PARAMS) == set(LAYOUTS)
    assert all(len(text.splitlines()) <= 10 for _, text in PARAMS.values())


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """The index of each corpus, with the params of the page."""
    folder = tmp_path_factory.mktemp("layouts")
    made = {}
    for layout in LAYOUTS:
        root = folder / layout
        make(Sample(seed=1, length=0.3, videos=NAMES, layout=layout), root)
        corpus = checked(Corpus, {**PARAMS[layout][0]["corpus"], "root": str(root)}, "corpus", "")
        made[layout] = audit(corpus, Memory(folder / f"{layout}.memory"))
        assert made[layout].findings.problems == []
    return made


def names(fold):
    return {part: [clip.name for clip in clips] for part, clips in fold._asdict().items()}


def test_the_clips_and_their_folds_are_the_same_in_all_layouts(audits):
    first, *others = (audits[layout].clips for layout in LAYOUTS)
    for clips in others:
        assert [c.name for c in clips] == [c.name for c in first]
        assert [c.partition for c in clips] == [c.partition for c in first]
        assert [c.video for c in clips] == [c.video for c in first]
        assert [names(fold) for fold in split(clips, 3)] == [
            names(fold) for fold in split(first, 3)
        ]
    assert {clip.details["gender"] for clip in others[0]} == {"man", "woman"}


def test_a_clip_has_the_same_frames_in_all_layouts(audits):
    known = {clip.name: clip for clip in audits["affwild2"].clips}
    for layout in ("recola", "muse"):
        for clip in audits[layout].clips:
            extra = 4 if clip.name == "video22" else 0  # rows without a frame
            assert clip.frames == known[clip.name].frames - extra
            times = clip.frame_times() - clip.frame_times()[0]
            assert np.allclose(times, known[clip.name].frame_times()[: clip.frames], atol=2e-3)
    assert all(clip.first > 0 for clip in audits["muse"].clips)


@pytest.mark.parametrize(("layout", "within", "beside"), [("recola", 0.02, 1), ("muse", 0.03, 16)])
def test_labels_are_the_same_to_within_interpolation(audits, layout, within, beside):
    """`beside`: the frames beside an unlabelled stretch that may be unlabelled too."""
    known, labels = audits["affwild2"].labels, audits[layout].labels
    assert set(labels) == set(known) and len(known) == 7
    for name, values in labels.items():
        truth = known[name][: len(values)]
        assert np.nanmax(np.abs(values - truth)) < within
        wrong = np.flatnonzero(np.isnan(values[:, 0]) != np.isnan(truth[:, 0]))
        unlabelled = np.flatnonzero(np.isnan(truth[:, 0]))
        assert all(np.abs(unlabelled - k).min() <= beside for k in wrong)
        if name != "video14":
            assert not wrong.size


def test_the_mean_of_six_raters_is_nearer_than_interpolation_where_frames_are_short(audits):
    known, labels = audits["affwild2"].labels, audits["recola"].labels
    for name in ("16-30-480x270_left", "33-25-480x270"):
        assert np.nanmax(np.abs(labels[name] - known[name])) < 0.0015


# ---------------------------------------------------------------------------- the whole pipeline


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The metrics of the same short training on each layout."""
    found = {}
    for layout in LAYOUTS:
        project = Project(tmp_path_factory.mktemp(layout))
        params = json.loads(json.dumps(PARAMS[layout][0]))
        params["sample"] |= {"length": 1.0, "videos": None}
        params["corpus"]["folds"] = 2
        if "faces" in params:
            params["faces"]["detector"]["model"] = str(MODEL)
        project.replace(**params)
        project.edit(runs={**TINY["runs"]}, training={"epochs": 6})
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

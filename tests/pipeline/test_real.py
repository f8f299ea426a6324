"""The whole pipeline on real clips: talking people, real containers, proxy labels."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from project import Project

SHARED = os.environ.get("RJCMA_SHARED", "")
SPOKEN = ["hdtf_hill", "hdtf_ocasio", "retalk_1", "retalk_2", "retalk_5", "astorfi"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project on the real clips: another corpus, other engines, a short training."""
    if not SHARED:
        pytest.skip("RJCMA_SHARED is not set to the folder of the real clips")
    project = Project(tmp_path_factory.mktemp("real"))
    project.edit(
        corpus={"make": [], "root": str(Path(SHARED) / "corpus_real"), "folds": 3},
        speech={"engine": "pocketsphinx", "model": None},
        punctuation={"engine": "pauses", "model": None},
        training={"epochs": 1},
    )
    project.run("git", "commit", "-qam", "real clips")
    project.run("dvc", "repro")
    return project


def clips(project):
    lines = (project.folder / "data/clips.jsonl").read_text().splitlines()
    return {clip["name"]: clip for clip in map(json.loads, lines)}


def test_real_clips_end_in_a_table(project):
    metrics = json.loads((project.folder / "data/report/metrics.json").read_text())
    assert set(metrics["arousal"]["folds"]) == {"0", "1", "2"}
    assert sum(fold["clips"] for fold in metrics["valence"]["folds"].values()) == 11


def test_frames_are_those_that_the_videos_decode_to(project):
    assert clips(project)["astorfi"]["frames"] == 209  # its container declares 266
    assert clips(project)["retalk_1"]["times"] is not None


def test_words_are_heard_where_people_speak(project):
    for name in SPOKEN:
        words = json.loads((project.folder / f"data/words/{name}.json").read_text())["words"]
        assert len(words) >= 5, name
        assert all(0 <= word["start"] < word["end"] < 12 for word in words), name


def test_the_submission_has_a_row_for_every_frame_of_the_test_clips(project):
    header, *rows = (project.folder / "data/report/submission.csv").read_text().splitlines()
    assert header == "image_location,valence,arousal"
    frames = {name: clips(project)[name]["frames"] for name in ("grid_pwij3p", "hamilton")}
    assert len(rows) == sum(frames.values())

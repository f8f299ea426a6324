"""The whole pipeline on the sample in three layouts, with the params of docs/corpora.md."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from documented import documented
from project import Project

LAYOUTS = ("affwild2", "recola", "muse")
MODEL = Path(os.environ.get("RJCMA_SHARED", "")) / "models/face_detection_yunet_2026may.onnx"
PARAMS = documented()


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """The pipeline on each layout, trained on sound and words, which are the same in all."""
    made = {}
    for layout in LAYOUTS:
        made[layout] = project = Project(tmp_path_factory.mktemp(layout))
        params = copy.deepcopy(PARAMS[layout].sections)
        params["corpus"]["folds"] = 2
        if "faces" in params:
            params["faces"]["detector"]["model"] = str(MODEL)
        project.replace(**params)
        project.edit(
            fusion={"modalities": ["audio", "text"]}, runs={"folds": [0]}, training={"epochs": 6}
        )
        project.run("git", "commit", "-qam", layout)
        project.run("dvc", "repro")
    return made


def ccc(project, target):
    metrics = json.loads((project.folder / "data/report/metrics.json").read_text())
    return metrics[target]["folds"]["0"]["ccc"]


def seen(project):
    """Whether each frame of each clip has a face."""
    folder = project.folder / "data/features/faces"
    clips = {}
    for path in folder.glob("*.h5"):
        with h5py.File(path) as file:
            clips[path.stem] = file["index"][:] >= 0
    return clips


def sound(project, clip):
    """The first log-mel row of each frame's window, (T, 64), and of those 3 rows later."""
    with h5py.File(project.folder / "data/features/logmel" / f"{clip}.h5") as file:
        rows, index = file["rows"][:], file["index"][:]
    return rows[index], rows[np.minimum(index + 3, len(rows) - 1)]


def words(project, video):
    content = json.loads((project.folder / "data/words" / f"{video}.json").read_text())
    return [word["text"] for word in content["words"]]


NEAR = {"recola": 0.05, "muse": 0.25}
"""How near the CCC must be. The inputs are the same in RECOLA's form. In MuSe's, sound is encoded
again and cut into other 10 ms, which moves the CCC of so few clips as another seed does."""


@pytest.mark.long
@pytest.mark.skipif(not MODEL.is_file(), reason="RJCMA_SHARED has no model of YuNet")
@pytest.mark.parametrize("layout", ["recola", "muse"])
def test_tables_faces_sound_and_words_are_nearly_those_of_the_layout_of_aff_wild2(projects, layout):
    first, other = projects["affwild2"], projects[layout]
    for target in ("valence", "arousal"):
        assert abs(ccc(other, target) - ccc(first, target)) < NEAR[layout]
    drawn, found = seen(first), seen(other)
    assert set(found) == set(drawn)
    for clip, faces in found.items():
        assert (faces != drawn[clip][: len(faces)]).mean() < 0.05
        (own, later), (theirs, _) = sound(other, clip), sound(first, clip)
        off, off_later = (np.abs(rows - theirs[: len(rows)]).mean() for rows in (own, later))
        assert off <= 0.4 * off_later
    videos = [path.stem for path in (other.folder / "data/words").glob("*.json")]
    pairs = [(words(first, video), words(other, video)) for video in videos]
    assert sum(one != two for one, two in pairs) <= 2 and len(pairs) == 19

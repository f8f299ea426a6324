"""The data that a run reads: checked before the first epoch, and refused if it does not fit."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
import tiny_corpus
from clips import clip

from rjcma import manifest, store
from rjcma.problem import Problem
from rjcma.training import network
from rjcma.training.clip_data import open_all

FACES, WINDOWS = (3, 40, 40), (96, 64)
"""The encoders' input shapes."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


def test_labels_are_those_of_the_target(root):
    anna = clip("anna", 31)
    for target, column in (("valence", 0), ("arousal", 1)):
        [data] = open_all([anna], {"text": root / "text"}, {"text": None}, root / "labels", target)
        truth = np.load(root / "labels" / "anna.npy")[:, column]
        np.testing.assert_array_equal(data.labels, truth)
        assert data.labelled.tolist() == [False] * 5 + [True] * 26


def test_test_clips_and_clips_opened_without_a_folder_of_labels_have_none(root):
    folders, shapes = {"text": root / "text"}, {"text": None}
    fred, anna = clip("fred", 13, "test"), clip("anna", 31)
    [data] = open_all([fred], folders, shapes, root / "labels", "valence")
    assert not data.labelled.any() and len(data.labels) == 13
    [data] = open_all([anna], folders, shapes, None, "valence")
    assert not data.labelled.any() and len(data.labels) == 31


def test_a_feature_of_another_clip_is_found_before_training(root, tmp_path):
    store.write(tmp_path / "anna.h5", np.zeros((30, 3), np.float32))
    with pytest.raises(Problem, match=r"clip anna: .* found 30 frames; expected the clip's 31"):
        open_all([clip("anna", 31)], {"text": tmp_path}, {"text": None}, root / "labels", "valence")


def test_opening_a_corpus_leaves_few_of_its_files_open(root, monkeypatch):
    monkeypatch.setattr(store, "OPEN_FILES", 5)
    opened = tiny_corpus.opened(root, [name for name in tiny_corpus.FRAMES if name != "fred"])
    readers = [reader for data in opened for reader in data.readers.values()]
    open_objects = h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_DATASET)
    files = {h5py.Dataset(one).file.filename for one in open_objects}
    assert len(readers) == 15
    assert 0 < len([reader for reader in readers if str(reader.path) in files]) <= 5


@pytest.mark.parametrize(
    ("modality", "taken", "shape", "expected"),
    [
        ("visual", FACES, (31, 32, 32, 3), "crops of at least 40 pixels"),
        ("visual", FACES, (31, 64), "crops of at least 40 pixels"),
        ("audio", WINDOWS, (200, 40), r"windows of \(96, 64\)"),
        ("audio", None, (31, 5, 7), "one vector per frame"),
        ("text", None, (31, 5, 7), "one vector per frame"),
    ],
)
def test_values_of_another_kind_are_refused(modality, taken, shape, expected, root, tmp_path):
    store.write(tmp_path / "anna.h5", np.zeros(shape, np.uint8), np.zeros(31))
    anna, message = clip("anna", 31), f"clip anna: .*found values of shape .*; expected {expected}"
    with pytest.raises(Problem, match=message):
        open_all([anna], {modality: tmp_path}, {modality: taken}, root / "labels", "valence")


def test_vectors_that_are_not_all_of_one_width_are_refused(root, tmp_path):
    clips = [clip(name, tiny_corpus.FRAMES[name]) for name in ("anna", "bert")]
    for each, width in zip(clips, (5, 3), strict=True):
        store.write(tmp_path / f"{each.name}.h5", np.ones((each.frames, width), np.float32))
    with pytest.raises(Problem, match=r"clip bert: .*\(3,\); expected \(5,\), as in clip anna"):
        open_all(clips, {"text": tmp_path}, {"text": None}, root / "labels", "valence")


NOTHING = {
    "visual": ("no face", r"set fusion\.modalities: \[audio, text\] to go on without it"),
    "audio": ("no sound", r"set fusion\.modalities: \[visual, text\] to go on without it"),
    "text": ("no word", r"set fusion\.modalities: \[visual, audio\] to go on without it"),
}


def emptied(root, out, folder):
    """A copy of the corpus in which no frame of any clip has a value of this feature."""
    shutil.copytree(root, out)
    for path in (out / folder).glob("*.h5"):
        with h5py.File(path) as file:
            shape, dtype = file["rows"].shape[1:], file["rows"].dtype
        frames = tiny_corpus.FRAMES[path.stem]
        store.write(path, np.zeros((0, *shape), dtype), np.full(frames, -1))
    return out


@pytest.mark.parametrize("mode", ["precompute", "finetune"])
@pytest.mark.parametrize("modality", NOTHING)
def test_a_modality_without_content_is_refused_with_the_setting_that_omits_it(
    modality, mode, root, tmp_path
):
    folder = tiny_corpus.FOLDERS[mode][modality]
    empty = emptied(root, tmp_path / "corpus", folder)
    found, cure = NOTHING[modality]
    content = found.removeprefix("no ")
    message = f"{folder}: found {found} in any frame of any clip; expected a {content} in at least"
    message += rf" one frame, since {modality} is among fusion\.modalities; to do: {cure}$"
    with pytest.raises(Problem, match=message):
        tiny_corpus.opened(empty, tiny_corpus.FRAMES, mode)


def test_one_value_in_one_clip_is_enough(root, tmp_path):
    empty = emptied(root, tmp_path / "corpus", "text")
    index = np.full(tiny_corpus.FRAMES["cleo"], -1)
    index[7] = 0
    store.write(empty / "text" / "cleo.h5", np.ones((1, 5), np.float32), index)
    opened = tiny_corpus.opened(empty, tiny_corpus.FRAMES, "precompute")
    assert [data.clip.name for data in opened] == list(tiny_corpus.FRAMES)


def test_for_prediction_clips_may_have_no_content(root):
    """A trained network predicts a silent clip without a face."""
    bert, shapes = clip("bert", 7), {"visual": FACES, "text": None}
    [data] = open_all([bert], tiny_corpus.folders(root, "finetune"), shapes, None, "valence")
    assert all((reader.index == -1).all() for reader in data.readers.values())


def test_a_single_modality_without_content_cannot_be_omitted(root, tmp_path):
    empty = emptied(root, tmp_path / "corpus", "text")
    clips = manifest.read(root / "clips.jsonl")
    with pytest.raises(Problem, match=r"no word in .*; to do: choose other fusion\.modalities$"):
        open_all(clips, {"text": empty / "text"}, {"text": None}, root / "labels", "valence")


def test_input_shapes_follow_from_the_settings():
    assert network.input_shapes(tiny_corpus.settings("finetune")) == {
        "visual": FACES,
        "audio": WINDOWS,
        "text": None,
    }
    vectors = network.input_shapes(tiny_corpus.settings("precompute"))
    assert vectors == dict.fromkeys(("visual", "audio", "text"))

"""A run's network, read back from its folder."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import tiny_corpus
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from rjcma import manifest, store
from rjcma.problem import Problem
from rjcma.training.request import Data
from rjcma.training.runs import Digests, train_run
from rjcma.training.saved import load_run


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


@pytest.fixture(scope="module", params=["precompute", "finetune"])
def run(request, root, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param) / "valence-0"
    requested = tiny_corpus.run(tiny_corpus.settings(request.param, epochs=1))
    tiny_corpus.trained(root, out, requested, request.param)
    clips, folders = manifest.read(root / "clips.jsonl"), tiny_corpus.folders(root, request.param)
    return out, clips, folders


def test_a_network_read_back_predicts_what_the_run_predicted(run):
    out, clips, folders = run
    predictions = load_run(out).predict(clips, folders, device_name="cpu")
    with h5py.File(out / "predictions.h5") as file:
        assert predictions.keys() == set(file)
        for name, series in predictions.items():
            np.testing.assert_allclose(series, file[name][:], atol=1e-6)


def test_a_network_read_back_is_in_evaluation_mode_and_has_its_metadata(run):
    saved = load_run(run[0])
    assert not any(module.training for module in saved.network.modules())
    assert (saved.metadata["target"], saved.metadata["fold"]) == ("valence", 0)
    assert (saved.settings.windows.frames, saved.settings.recursions) == (11, 2)
    assert saved.metadata["features"].keys() == {"visual", "audio", "text"}


def test_the_digest_of_a_feature_depends_on_its_content_only(root, run, tmp_path):
    out, clips, folders = run
    mode = "precompute" if folders["audio"].name == "audio" else "finetune"
    settings = tiny_corpus.settings(mode, epochs=1)
    other = tmp_path / "elsewhere"
    other.mkdir()
    for path in folders["audio"].iterdir():
        with h5py.File(path) as file:
            rows = file["rows"][...] * (2 if path.stem == "fred" else 1)
            index = file["index"][...] if "index" in file else None
        store.write(other / path.name, rows, index)
    data = Data(clips, root / "labels", {**folders, "audio": other})
    train_run(tiny_corpus.run(settings), data, Digests.of(data), tmp_path / "run")
    before, after = (load_run(folder).metadata for folder in (out, tmp_path / "run"))
    assert before.pop("features") | {"audio": ""} == after["features"] | {"audio": ""}
    assert after.pop("features")["audio"] != load_run(out).metadata["features"]["audio"]
    assert before == after


def test_a_clip_without_a_face_or_a_word_is_predicted_by_itself(run):
    out, clips, folders = run
    [bert] = [clip for clip in clips if clip.name == "bert"]
    alone = load_run(out).predict([bert], folders, device_name="cpu")
    with h5py.File(out / "predictions.h5") as file:
        np.testing.assert_allclose(alone["bert"], file["bert"][:], atol=1e-6)


def test_vectors_of_another_width_are_refused(run, tmp_path):
    out, clips, folders = run
    for clip in clips:
        store.write(tmp_path / f"{clip.name}.h5", np.zeros((clip.frames, 4), np.float32))
    with pytest.raises(Problem, match=r"clip anna: .*found text vectors of 4 numbers; expected 5"):
        load_run(out).predict(clips, {**folders, "text": tmp_path})


def damage(path, how):
    tensors = load_file(path)
    with safe_open(path, "np") as file:
        metadata = json.loads(file.metadata()["run"])
    if how == "empty":
        path.write_bytes(b"")
    elif how == "nameless":
        save_file(tensors, path)
    elif how == "other tensors":
        save_file({"a": torch.zeros(3)}, path, {"run": json.dumps(metadata)})
    elif how == "other params":
        metadata["params"]["fusion"]["variant"] = "paper"
        save_file(tensors, path, {"run": json.dumps(metadata)})
    elif how == "few params":
        del metadata["params"]["windows"]
        save_file(tensors, path, {"run": json.dumps(metadata)})
    else:
        path.unlink()


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("missing", "no such file"),
        ("empty", "not a safetensors file"),
        ("nameless", "weights without the metadata of a run"),
        ("other tensors", "weights of another version"),
        ("other params", "weights of another version"),
        ("few params", "weights of another version"),
    ],
)
def test_a_folder_without_a_whole_run_is_refused(how, found, run, tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes((run[0] / path.name).read_bytes())
    damage(path, how)
    with pytest.raises(Problem, match=f"{found}.* give the folder of a finished run"):
        load_run(tmp_path)

"""Whole tiny runs in both modes: their files, their reproducibility, and what they refuse."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
import tiny_corpus
import torch
from clips import clip
from ruamel.yaml import YAML
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from rjcma import manifest, store
from rjcma.concordance import ccc
from rjcma.corpus import labels
from rjcma.encoders.settings import Encoders
from rjcma.jobs.inputs import digest_inputs
from rjcma.params import load
from rjcma.problem import Problem, Problems
from rjcma.training.clip_data import ClipData
from rjcma.training.loader import Loader
from rjcma.training.predict import predict
from rjcma.training.windows import Windows
from stages.encode import main as encode

FILES = {"weights.safetensors", "history.csv", "run.json", "predictions.h5"}
LEDGER = ".keys"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


def trained(root, out, mode="precompute", fold=0, clips=None, **training):
    requested = tiny_corpus.run(tiny_corpus.settings(mode, **training), fold)
    return tiny_corpus.trained(root, out, requested, mode, clips)


@pytest.fixture(scope="module", params=["precompute", "finetune"])
def run(request, root, tmp_path_factory):
    return trained(root, tmp_path_factory.mktemp(request.param) / "valence-0", request.param)


def test_a_run_leaves_its_four_files_and_their_ledger(run):
    assert {path.name for path in run.iterdir()} == FILES | {LEDGER}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("mode", ["precompute", "finetune"])
def test_two_runs_on_a_gpu_are_the_same_bytes(root, tmp_path, mode):
    runs = [trained(root, tmp_path / n, mode, epochs=2, device="cuda") for n in ("one", "two")]
    for name in ("weights.safetensors", "predictions.h5"):
        one, two = ((run / name).read_bytes() for run in runs)
        assert one == two


def test_every_clip_gets_a_prediction_a_frame(run):
    with h5py.File(run / "predictions.h5") as file:
        assert {name: file[name].shape for name in file} == {
            name: (frames,) for name, frames in tiny_corpus.FRAMES.items()
        }
        assert all(file[name].dtype == np.float32 for name in file)
        assert all(np.isfinite(file[name][:]).all() for name in file)


def test_the_best_epochs_ccc_is_that_of_the_predictions_that_are_kept(run, root):
    metadata = json.loads((run / "run.json").read_text())
    assert metadata["train"] == ["anna", "bert", "cleo"]
    assert metadata["validation"] == ["dora", "emil"]
    with (run / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert [row["epoch"] for row in history] == ["1", "2", "3"]
    best = max(history, key=lambda row: float(row["ccc"]))
    assert (metadata["best_epoch"], metadata["ccc"]) == (int(best["epoch"]), float(best["ccc"]))
    with h5py.File(run / "predictions.h5") as file:
        predicted = np.concatenate([file[name][:] for name in metadata["validation"]])
    truth = [np.load(root / "labels" / f"{name}.npy")[:, 0] for name in metadata["validation"]]
    assert ccc(predicted, np.concatenate(truth)) == pytest.approx(metadata["ccc"], abs=1e-5)


def test_the_weights_say_what_shaped_them(run):
    with safe_open(run / "weights.safetensors", "np") as file:
        metadata = json.loads(file.metadata()["run"])
    assert metadata.keys() == {"target", "fold", "params", "features", "labels"}
    params = metadata["params"]
    assert (metadata["target"], metadata["fold"], params["recursions"]) == ("valence", 0, 2)
    assert params["windows"]["frames"] == 11 and params["training"]["seed"] == 1
    assert params["folds"] == 2 and metadata["features"].keys() == {"visual", "audio", "text"}


@pytest.mark.parametrize("mode", ["precompute", "finetune"])
def test_two_runs_are_the_same_bytes(mode, root, tmp_path):
    runs = [trained(root, tmp_path / name, mode, epochs=2) for name in ("one", "two")]
    torch.rand(7)  # other draws from the global generator make no difference
    for name in FILES | {LEDGER}:
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes(), name


def test_temporal_weights_may_have_a_learning_rate_of_their_own(root, tmp_path):
    """Adam's first step is as long as the learning rate, for any gradient."""
    rates = {
        "started": {"learning_rate": 1e-30, "min_learning_rate": 1e-31},
        "stepped": {"learning_rate": 1e-3},
    }
    training = {"temporal_lr_factor": 0.01, "weight_decay": 0, "batch": 99, "epochs": 1}
    weights = {
        name: load_file(trained(root, tmp_path / name, **training, **rate) / "weights.safetensors")
        for name, rate in rates.items()
    }
    moved = {k: (weights["stepped"][k] - v).abs().max() for k, v in weights["started"].items()}
    assert moved["fusion.recursions.0.w_c.audio"].item() == pytest.approx(1e-5, rel=0.02)
    assert moved["fusion.recursions.0.w_j.audio"].item() == pytest.approx(1e-3, rel=0.02)


def test_another_seed_is_another_run(root, tmp_path):
    one, two = (trained(root, tmp_path / str(n), epochs=1, seed=n) for n in (1, 2))
    name = "weights.safetensors"
    assert (one / name).read_bytes() != (two / name).read_bytes()


def test_validation_and_test_clips_never_affect_the_training(root, tmp_path):
    """Only features of validation and test clips change; the weights after epoch 1 do not."""
    changed = tmp_path / "corpus"
    shutil.copytree(root, changed)
    for name in ("dora", "emil", "fred"):
        for feature in ("visual", "audio"):
            path = changed / feature / f"{name}.h5"
            with h5py.File(path) as file:
                rows = file["rows"][...]
            store.write(path, rows * 100 + 7)
    one = trained(root, tmp_path / "one", epochs=1)
    two = trained(changed, tmp_path / "two", epochs=1)
    weights, same = (load_file(run / "weights.safetensors") for run in (one, two))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    name = "predictions.h5"
    assert (one / name).read_bytes() != (two / name).read_bytes()


class Positions(torch.nn.Module):
    """Predicts each frame's position in its window."""

    encoders = {}

    def forward(self, values, valid):
        return torch.arange(valid.shape[1]).expand(valid.shape).float()


def test_windows_that_overlap_are_averaged():
    data = ClipData(clip("one", 7), {}, np.zeros(7, np.float32))
    windows = Windows(frames=5, stride=3)  # 0 to 5, and 2 to 7 from the end
    loader = Loader([data], windows.frames, torch.device("cpu"))
    result = predict(Positions(), [data], windows, 4, loader)["one"]
    assert result.tolist() == [0, 1, (2 + 0) / 2, (3 + 1) / 2, (4 + 2) / 2, 3, 4]


def test_a_fold_that_is_not_there_is_refused(root, tmp_path):
    with pytest.raises(Problems, match="found fold 2 asked for; expected one of 0 to 1"):
        trained(root, tmp_path / "out", fold=2)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {LEDGER, ".failed"}


@pytest.mark.parametrize(
    ("unlabelled", "purpose"),
    [(["anna", "bert", "cleo"], "train on"), (["dora", "emil"], "validate on")],
)
def test_a_fold_without_a_labelled_frame_is_refused(unlabelled, purpose, root, tmp_path):
    clips = manifest.read(root / "clips.jsonl")
    truth = {clip.name: labels.read(root / "labels", clip) for clip in clips[:-1]}
    for name in unlabelled:
        truth[name] = np.full_like(truth[name], np.nan)
    changed = tmp_path / "corpus"
    shutil.copytree(root, changed)
    labels.write(changed / "labels", truth)
    with pytest.raises(Problems, match=f"to {purpose}, without any labelled frame"):
        trained(changed, tmp_path / "out")


def test_a_fold_in_whose_windows_no_two_frames_are_labelled_is_refused(root, tmp_path):
    clips = manifest.read(root / "clips.jsonl")
    truth = {clip.name: labels.read(root / "labels", clip) for clip in clips[:-1]}
    for name in ("anna", "bert", "cleo"):
        truth[name][np.arange(len(truth[name])) != 3] = np.nan
    changed = tmp_path / "corpus"
    shutil.copytree(root, changed)
    labels.write(changed / "labels", truth)
    with pytest.raises(Problems, match="training windows, none with two labelled frames"):
        trained(changed, tmp_path / "out")


def test_without_official_validation_clips_a_fold_validates_on_a_part_of_the_training_clips(
    root, tmp_path
):
    clips = [c for c in manifest.read(root / "clips.jsonl") if c.partition != "validation"]
    run = json.loads((trained(root, tmp_path / "out", clips=clips) / "run.json").read_text())
    assert (run["validation"], run["train"]) == (["anna"], ["bert", "cleo"])


def test_more_folds_than_groups_of_clips_are_refused(root, tmp_path):
    clips = [c for c in manifest.read(root / "clips.jsonl") if c.name in ("anna", "fred")]
    with pytest.raises(Problems, match="2 folds, and 1 groups of clips; expected at most 1"):
        trained(root, tmp_path / "out", clips=clips)


def test_a_loss_that_is_not_finite_stops_the_run_and_is_located(root, tmp_path):
    spoilt = tmp_path / "corpus"
    shutil.copytree(root, spoilt)
    rows = np.full((31, 3), np.nan, np.float32)
    store.write(spoilt / "audio" / "anna.h5", rows)
    where = r"valence, fold 0: found a loss of nan in epoch 1, batch \d \(clips .*anna"
    with pytest.raises(Problems, match=where):
        trained(spoilt, tmp_path / "out")


def test_a_missing_feature_is_reported_before_training(root, tmp_path):
    lacking = tmp_path / "corpus"
    shutil.copytree(root, lacking)
    (lacking / "text" / "fred.h5").unlink()
    with pytest.raises(Problems, match=r"^clip fred: .*no such file"):
        trained(lacking, tmp_path / "out")


def params_file(path, mode="precompute", weights="none"):
    content = tiny_corpus.params(tiny_corpus.settings(mode))
    content["encoders"]["visual"]["weights"] = weights
    YAML(typ="safe").dump(content, path)
    return path


def encoded(root, out, params, modality="visual"):
    seen = root / tiny_corpus.FOLDERS["finetune"][modality]
    encode(modality, root / "clips.jsonl", out, frames=seen, whole=root / "wav", params=params)
    return out


@pytest.mark.parametrize("modality", ["visual", "audio"])
def test_every_frame_is_encoded_black_and_silent_ones_too(modality, root, tmp_path):
    params = params_file(tmp_path / "params.yaml")
    out = encoded(root, tmp_path / "out", params, modality)
    for name, frames in tiny_corpus.FRAMES.items():
        with h5py.File(out / f"{name}.h5") as file:
            assert file["rows"].shape == (frames, 64) and "index" not in file
            assert np.isfinite(file["rows"][...]).all()
            if (name, modality) == ("bert", "visual"):  # no face in any frame: one vector, repeated
                assert np.ptp(file["rows"][...], axis=0).max() < 1e-6


def test_encoding_twice_gives_the_same_bytes_whatever_the_batches(root, tmp_path):
    params = params_file(tmp_path / "params.yaml")
    one, two = (encoded(root, tmp_path / name, params) for name in ("one", "two"))
    for path in one.glob("*.h5"):
        assert path.read_bytes() == (two / path.name).read_bytes()


def test_a_run_that_trains_encoders_reads_faces_and_windows_through_references(root, tmp_path):
    params = params_file(tmp_path / "params.yaml", "finetune")
    moved = tmp_path / "corpus"
    shutil.copytree(root, moved, ignore=shutil.ignore_patterns("faces", "logmel"))
    for modality, name in (("visual", "faces"), ("audio", "logmel")):
        encoded(root, moved / name, params, modality)
    sizes = [path.stat().st_size for path in (moved / "faces").glob("*.h5")]
    assert len(sizes) == 6 and max(sizes) < 48 * 48 * 3  # less than one face
    runs = [
        trained(corpus, tmp_path / name, "finetune", epochs=1)
        for name, corpus in (("direct", root), ("referred", moved))
    ]
    for name in ("predictions.h5", "history.csv"):
        direct, referred = digest_inputs([run / name for run in runs])
        assert direct == referred


def test_encoders_of_a_finetuned_run_can_be_used_for_encoding(root, tmp_path):
    run = trained(root, tmp_path / "run", "finetune", epochs=1)
    weights = run / "weights.safetensors"
    params = params_file(tmp_path / "params.yaml", weights=str(weights))
    whole = encoded(root, tmp_path / "whole", params)
    prefix = "encoders.visual."
    own = {k.removeprefix(prefix): v for k, v in load_file(weights).items() if k.startswith(prefix)}
    save_file(own, tmp_path / "own.safetensors")
    params = params_file(tmp_path / "params.yaml", weights=str(tmp_path / "own.safetensors"))
    alone = encoded(root, tmp_path / "alone", params)
    fresh = encoded(root, tmp_path / "fresh", params_file(tmp_path / "params.yaml"))
    of_whole, of_alone, of_fresh = digest_inputs([p / "anna.h5" for p in (whole, alone, fresh)])
    assert of_whole == of_alone != of_fresh


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "no such file"),
        (b"not weights", "not a safetensors file"),
        ("other", "weights missing: projection.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused(content, found, root, tmp_path):
    path = tmp_path / "weights.safetensors"
    if content == "other":
        save_file({"conv.weight": torch.zeros(3)}, path)
    elif content is not None:
        path.write_bytes(content)
    params = params_file(tmp_path / "params.yaml", weights=str(path))
    with pytest.raises((Problem, Problems), match=found) as caught:
        encoded(root, tmp_path / "out", params)
    assert "\n" not in str(caught.value)  # not a line a clip


def test_a_clip_that_cannot_be_encoded_does_not_stop_the_others(root, tmp_path):
    lacking = tmp_path / "corpus"
    shutil.copytree(root, lacking)
    (lacking / "faces" / "cleo.h5").unlink()
    out = tmp_path / "out"
    with pytest.raises(Problems, match=r"clip cleo: .*no such file"):
        encoded(lacking, out, params_file(tmp_path / "params.yaml"))
    assert {path.stem for path in out.glob("*.h5")} == tiny_corpus.FRAMES.keys() - {"cleo"}


@pytest.mark.parametrize(
    "old", ["mode: precompute", "features: {visual: visual}", "encode: [audio]"]
)
def test_old_keys_for_both_encoders_are_answered_with_what_to_set(old, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(f"encoders: {{visual: {{kind: compact}}, audio: {{kind: compact}}, {old}}}\n")
    with pytest.raises(Problem) as problem:
        load(path, "encoders", Encoders)
    assert "encoders.visual.mode and encoders.audio.mode" in problem.value.expected


def test_the_stage_trains_from_the_command_line(root, tmp_path):
    params = params_file(tmp_path / "params.yaml", "precompute")
    folders = tiny_corpus.folders(root)
    inputs = [
        root / "clips.jsonl",
        root / "labels",
        *(folders[m] for m in ("visual", "audio", "text")),
        tmp_path / "engines.json",
    ]
    inputs[-1].write_text('{"params": {}, "models": {}}')
    command = [sys.executable, "-m", "stages.train", *map(str, inputs), str(tmp_path / "runs")]
    command += ["--params", str(params), "--checkpoints", str(tmp_path / "checkpoints")]
    command += ["--ablation", str(tmp_path / "ablation"), "--target", "valence", "--fold"]
    done = subprocess.run([*command, "0"], capture_output=True, text=True, check=True)
    assert "valence, fold 0: epoch 3, loss" in done.stderr
    out = tmp_path / "runs" / "valence-0"
    assert {path.name for path in out.iterdir()} == FILES | {LEDGER, "live", "engines.json"}
    refused = subprocess.run([*command, "7"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert refused.stderr.count("found") == 1
    assert refused.stderr.splitlines()[-1].startswith("problem: fold 7: found fold 7 asked for")


def relabelled(root, out, change):
    """The corpus, with each clip's labels changed."""
    shutil.copytree(root, out)
    clips = [c for c in manifest.read(root / "clips.jsonl") if c.partition != "test"]
    truth = {clip.name: change(clip.name, labels.read(root / "labels", clip)) for clip in clips}
    labels.write(out / "labels", truth)
    return out


def test_a_fold_of_constant_labels_has_a_ccc_of_0_and_a_message(root, tmp_path, capsys):
    def constant(name, values):
        return np.full_like(values, 0.25) if name in ("dora", "emil") else values

    changed = relabelled(root, tmp_path / "corpus", constant)
    run = trained(changed, tmp_path / "out")
    metadata = json.loads((run / "run.json").read_text())
    assert (metadata["best_epoch"], metadata["ccc"]) == (1, 0.0)
    said = capsys.readouterr().err
    assert "valence, fold 0: all labels of the selection clips are 0.25" in said


def test_held_out_clips_select_the_epoch_and_validation_clips_do_not(root, tmp_path):
    changed = relabelled(root, tmp_path / "corpus", lambda name, v: -v if name == "dora" else v)
    one, two = (
        trained(corpus, tmp_path / corpus.name / "run", select_by="held_out", epochs=3)
        for corpus in (root, changed)
    )
    metadata = json.loads((one / "run.json").read_text())
    assert metadata["selected_by"] == ["cleo"] and metadata["validation"] == ["dora", "emil"]
    weights, same = (load_file(run / "weights.safetensors") for run in (one, two))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    by_validation = trained(root, tmp_path / "paper", epochs=3)
    metadata = json.loads((by_validation / "run.json").read_text())
    assert metadata["selected_by"] == ["dora", "emil"]


def test_a_control_learns_from_the_labels_of_other_clips(root, tmp_path):
    own, other = (
        load_file(
            trained(root, tmp_path / str(permuted), epochs=1, permute_labels=permuted)
            / "weights.safetensors"
        )
        for permuted in (False, True)
    )
    assert any(not torch.equal(own[name], other[name]) for name in own)


@pytest.mark.parametrize("requested", [True, False])
def test_the_fusion_is_compiled_if_requested(requested, root, tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.append(module))
    trained(root, tmp_path / "out", epochs=1, compile=requested)
    assert [type(module).__name__ for module in compiled] == ["RJCMA"] * requested


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
@pytest.mark.parametrize("mode", ["precompute", "finetune"])
def test_lower_precisions_end_near_fp32_with_weights_in_float32(mode, precision, root, tmp_path):
    exact, rough = (
        trained(root, tmp_path / name, mode, epochs=1, precision=name)
        for name in ("fp32", precision)
    )
    weights = load_file(rough / "weights.safetensors")
    assert all(w.dtype == torch.float32 for n, w in weights.items() if "num_batches" not in n)
    with h5py.File(exact / "predictions.h5") as one, h5py.File(rough / "predictions.h5") as other:
        for name in one:
            np.testing.assert_allclose(other[name][:], one[name][:], atol=0.1)

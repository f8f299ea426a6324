"""The check of a params file before anything runs: mistakes, models, devices, folds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import committed
import pytest
import torch
import whisper_models
from places import ROOT

from rjcma import start
from rjcma.jobs.digests import digest_file, digest_folder
from rjcma.problem import Problem, Problems

COMPACT = {"kind": "compact", "weights": "none"}


def checked(folder: Path, **changes: object) -> start.Checked:
    """The committed params with changes, checked; the record of models is beside them."""
    return start.check(committed.params(folder, **changes), folder / "models.json")


def refused(folder: Path, **changes: object) -> list[Problem]:
    with pytest.raises(Problems) as caught:
        checked(folder, **changes)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems)
    return caught.value.problems


def with_visual(**encoder: object) -> dict[str, object]:
    return {"visual": {**COMPACT, **encoder}}


def weights(folder: Path) -> str:
    (folder / "weights.pth").write_bytes(b"weights")
    return str(folder / "weights.pth")


def test_valid_params_give_their_sections_and_the_models_by_content(tmp_path):
    found = checked(tmp_path, encoders=with_visual(weights=weights(tmp_path)))
    assert list(found.sections) == list(start.CLASSES)
    assert found.sections["training"].batch == 2
    assert found.notes == []
    assert set(found.models) == {
        *("speech.model", "punctuation.model", "text.model", "encoders.visual.weights")
    }
    sample = ROOT / "models/vosk-sample"
    assert found.models["speech.model"] == digest_folder(sample)
    assert found.models["encoders.visual.weights"] == digest_file(tmp_path / "weights.pth")


# ------------------------------------------------------------------------- devices


@pytest.mark.parametrize("section", ["punctuation", "text", "encoders", "training"])
def test_an_unknown_device_is_a_problem(tmp_path, section):
    [problem] = refused(tmp_path, **{section: {"device": "gpu0"}})
    assert problem.file == f"{section}.device" and problem.found.startswith("gpu0 (")
    assert problem.cure == f"set {section}.device to auto"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_missing_gpu_is_a_problem(tmp_path, device):
    [problem] = refused(tmp_path, training={"device": device})
    assert problem.file == "training.device" and problem.found.startswith(f"{device} (")
    assert "a device of this machine" in problem.expected


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_of_this_machine_is_no_problem(tmp_path):
    assert checked(tmp_path, training={"device": "cuda"}).sections["training"].device == "cuda"


def test_every_wrong_device_is_reported(tmp_path):
    wrong = {"device": "gpu0"}
    whisper = {"engine": "whisper", "model": str(whisper_models.save(tmp_path / "whisper"))}
    problems = refused(
        tmp_path,
        speech={**whisper, **wrong},
        punctuation=wrong,
        text=wrong,
        encoders=wrong,
        training=wrong,
    )
    assert [problem.file.split(".")[0] for problem in problems] == list(start.DEVICES)


def test_a_language_that_the_recogniser_does_not_know_is_a_problem(tmp_path):
    model = str(whisper_models.save(tmp_path / "whisper"))
    whisper = {"engine": "whisper", "model": model, "language": "xx"}
    [problem] = refused(tmp_path, speech=whisper)
    assert problem.file == "speech.language" and "de, en, zh" in problem.expected
    assert checked(tmp_path, speech={**whisper, "language": "de"}).models["speech.model"]


@pytest.mark.parametrize("gpu", [True, False])
@pytest.mark.parametrize("device", ["cpu", "cpu:0", "auto"])
def test_half_precision_needs_a_gpu(tmp_path, monkeypatch, gpu, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    half = {"device": device, "precision": "fp16"}
    if device == "auto" and gpu:
        assert checked(tmp_path, training=half).notes == []
    else:
        [problem] = refused(tmp_path, training=half)
        assert "training.precision" in problem.file and "fp16 on a CPU" in problem.found
    assert checked(tmp_path, training={"device": device, "precision": "bf16"}).notes == []


QUICK = """
import sys
from pathlib import Path
from rjcma import start
start.check(Path(sys.argv[1]), Path(sys.argv[2]))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
HEAVY = {"torch", "torchaudio", "transformers", "cv2", "vosk", "pocketsphinx", "av", "scipy"}


def loaded(folder: Path, **changes: object) -> set[str]:
    """The packages that a fresh interpreter has imported after a check."""
    params = committed.params(folder, **changes)
    command = [sys.executable, "-c", QUICK, str(params), str(folder / "models.json")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_nothing_heavy_is_loaded_to_check_params(tmp_path, device):
    given = {"device": device}
    names = loaded(tmp_path, punctuation=given, text=given, encoders=given, training=given)
    assert "rjcma" in names and not names & HEAVY


def test_torch_is_imported_only_for_a_device_that_not_every_machine_has(tmp_path):
    names = loaded(tmp_path, training={"device": "cpu:0"})
    assert "torch" in names and not names & (HEAVY - {"torch"})


# ------------------------------------------------------------------------- models

MISSING = {
    "speech": {"model": "models/none-vosk"},
    "punctuation": {"model": "models/none-punctuation"},
    "text": {"model": "models/none-bert"},
    "encoders": {
        "visual": {"kind": "ir_resnet50", "weights": "models/none.pth"},
        "audio": {"kind": "vggish", "weights": "models/none.safetensors"},
    },
}
KEYS = {
    "speech.model": "models/none-vosk",
    "punctuation.model": "models/none-punctuation",
    "text.model": "models/none-bert",
    "encoders.visual.weights": "models/none.pth",
    "encoders.audio.weights": "models/none.safetensors",
}


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    """An empty cache of the Hugging Face hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def test_all_missing_models_are_reported_at_once(tmp_path, no_hub):
    problems = refused(tmp_path, **MISSING)
    assert len(problems) == len(KEYS)
    for problem, (key, name) in zip(problems, KEYS.items(), strict=True):
        assert name in problem.file and key in str(problem)
        assert problem.found.startswith(("no such folder", "no such file"))


@pytest.mark.parametrize("section", ["speech", "punctuation", "text", "encoders"])
def test_each_model_that_is_missing_is_a_problem(tmp_path, no_hub, section):
    problems = refused(tmp_path, **{section: MISSING[section]})
    wanted = [name for key, name in KEYS.items() if key.startswith(section)]
    assert [problem.file.split(": ")[-1] for problem in problems] == wanted


def test_all_problems_are_reported_together(tmp_path, no_hub):
    wrong = {**MISSING, "runs": {"folds": [0, 3]}, "training": {"device": "gpu0"}}
    problems = refused(tmp_path, **wrong)
    assert len(problems) == len(KEYS) + 2
    assert problems[-2].found == "fold 3 in runs.folds"
    assert problems[-1].found.startswith("gpu0")


def test_mistakes_in_sections_are_reported_together_before_models_are_looked_for(tmp_path, no_hub):
    wrong = {**MISSING, "recursions": 0, "windows": {"strid": 200}, "faces": {"size": "large"}}
    problems = refused(tmp_path, **wrong)
    assert [problem.found.split(" = ")[0] for problem in problems] == [
        "faces.size",
        "recursions",
        "windows.strid",
    ]


def test_engines_without_a_model_need_none(tmp_path, no_hub):
    changes = {
        "speech": {"engine": "pocketsphinx", "model": "models/none"},
        "punctuation": {"engine": "pauses", "model": "models/none"},
    }
    assert set(checked(tmp_path, **changes).models) == {"text.model"}


def test_a_missing_model_that_is_recorded_is_only_noted(tmp_path, no_hub):
    (tmp_path / "models.json").write_text(json.dumps(dict.fromkeys(KEYS, "a digest")))
    found = checked(tmp_path, **MISSING)
    kept = "the model is missing here; files made with it are kept"
    assert found.notes == [f"{key}: {kept}" for key in KEYS]
    assert all(isinstance(model, Problem) for model in found.models.values())


def test_only_the_missing_model_that_is_not_recorded_is_a_problem(tmp_path, no_hub):
    (tmp_path / "models.json").write_text(json.dumps({"text.model": "a digest"}))
    [problem] = refused(tmp_path, text=MISSING["text"], speech=MISSING["speech"])
    assert problem.file == "models/none-vosk"


def test_weights_that_no_stage_reads_are_not_looked_for(tmp_path):
    encoders = with_visual(weights="models/none.pth", mode="finetune")
    modalities = {"modalities": ["audio", "text"]}
    assert (
        "encoders.visual.weights"
        not in checked(tmp_path, encoders=encoders, fusion=modalities).models
    )
    [problem] = refused(tmp_path, encoders=encoders)
    assert problem.file == "models/none.pth"
    encoders = with_visual(weights="models/none.pth", mode="precompute")  # stage encode reads them
    [problem] = refused(tmp_path, encoders=encoders, fusion=modalities)
    assert problem.file == "models/none.pth"


def test_the_record_names_each_model_by_its_content(tmp_path):
    record, models = tmp_path / "models.json", checked(tmp_path).models
    start.record(record, models)
    assert json.loads(record.read_text()) == models
    before = record.stat()
    start.record(record, models)
    assert (record.stat().st_ino, record.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_record_keeps_the_digest_of_a_missing_model(tmp_path, no_hub):
    record = tmp_path / "models.json"
    start.record(record, checked(tmp_path).models)
    known = json.loads(record.read_text())
    found = checked(tmp_path, text=MISSING["text"])
    start.record(record, found.models)
    assert json.loads(record.read_text()) == known


def test_the_engines_are_recorded_with_their_models_and_without_devices(tmp_path):
    found = checked(tmp_path, text={"device": "cpu"}, faces={"detector": {"engine": "haar"}})
    start.record(tmp_path / "models.json", found.models)
    start.record_engines(tmp_path / "engines.json", found.sections, tmp_path / "models.json")
    recorded = json.loads((tmp_path / "engines.json").read_text())
    assert recorded["models"] == found.models
    assert list(recorded["params"]) == list(start.ENGINES)
    assert recorded["params"]["faces"]["detector"]["engine"] == "haar"
    assert all("device" not in section for section in recorded["params"].values())


def test_a_damaged_record_is_a_problem_with_a_cure(tmp_path):
    (tmp_path / "models.json").write_text("{")
    with pytest.raises(Problem, match=r"models\.json: found no JSON.*delete the file and run"):
        checked(tmp_path)


# ------------------------------------------------------------------------- settings that do not fit


def test_a_missing_fold_is_a_problem(tmp_path):
    problems = refused(tmp_path, runs={"folds": [0, 3, 2, 7]})
    assert [problem.found for problem in problems] == [f"fold {n} in runs.folds" for n in (3, 7)]
    assert "folds from 0 to 2, as corpus.folds is 3" in problems[0].expected
    assert checked(tmp_path, runs={"folds": [0, 3]}, corpus={"folds": 4}).notes == []


@pytest.mark.parametrize("kind", ["leader_follower", "transformer", "concat"])
def test_recursions_that_the_fusion_does_not_use_are_noted(tmp_path, kind):
    notes = checked(tmp_path, recursions=5, fusion={"kind": kind}).notes
    assert notes == [f"recursions: 5 is not used by fusion.kind: {kind}"]


@pytest.mark.parametrize("kind", ["rjcma", "released", "rjcma_gated", "released_dynamic"])
def test_recursions_of_a_recursive_fusion_are_not_noted(tmp_path, kind):
    assert checked(tmp_path, recursions=5, fusion={"kind": kind}).notes == []


def test_random_weights_that_are_never_trained_are_noted(tmp_path):
    notes = checked(tmp_path, encoders=with_visual(mode="precompute")).notes
    assert notes == ["encoders.visual is run once with random weights, which are never trained"]
    given = with_visual(mode="precompute", weights=weights(tmp_path))
    assert checked(tmp_path, encoders=given).notes == []

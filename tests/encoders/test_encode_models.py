"""Stage encode with models of transformers: what is kept, made again and refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import image_models
import numpy as np
import pytest
import speech_models
import tiny_corpus
import torch
from encoder_settings import encoders

from rjcma import manifest, store
from rjcma.encoders.encode_all import encode_all
from rjcma.jobs import adoption
from rjcma.problem import Problem, Problems
from stages import encode


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("models")
    image_models.save(root / "visual", "vit")
    speech_models.save(root / "audio", "hubert")
    return root


@pytest.fixture
def root(tmp_path) -> Path:
    """A corpus of a few clips with sound; anna and bert are two people of one video."""
    tiny_corpus.write(tmp_path)
    clips = [
        each.model_copy(update={"video": "both"}) if each.name in ("anna", "bert") else each
        for each in manifest.read(tmp_path / "clips.jsonl")
    ]
    manifest.write(tmp_path / "clips.jsonl", clips)
    (tmp_path / "sound").mkdir()
    for seed, video in enumerate(sorted({each.video for each in clips})):
        speech_models.write(tmp_path / "sound" / f"{video}.wav", speech_models.sound(1.1, seed))
    for modality in ("visual", "audio"):
        shutil.rmtree(tmp_path / modality)
    return tmp_path


def section(models: Path, modality: str, **changes):
    values = {"kind": "transformers", "weights": str(models / modality), **changes}
    return encoders(**{modality: values})


def stamps(out: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of each file: they change when a file is made again."""
    stats = {path.name: path.stat() for path in sorted(out.glob("*.h5"))}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def rows(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return np.asarray(file["rows"])


def change_faces(root: Path, name: str) -> None:
    path, frames = root / "faces" / f"{name}.h5", tiny_corpus.FRAMES[name]
    reader = store.FeatureReader(path, clip=name, frames=frames)
    values = 255 - reader.read(0, frames)
    reader.close()
    path.unlink()
    store.write(path, values)


def run(root: Path, settings, modality: str) -> Path:
    clips, out = manifest.read(root / "clips.jsonl"), root / modality
    encode_all(modality, clips, root / "faces", out, settings, 1, root / "sound")
    return out


@pytest.mark.parametrize("modality", ["visual", "audio"])
def test_vectors_are_kept_while_the_model_is_the_same_wherever_it_is(modality, root, models):
    out = run(root, section(models, modality), modality)
    before = stamps(out)
    assert before.keys() == {f"{name}.h5" for name in tiny_corpus.FRAMES}
    for name, frames in tiny_corpus.FRAMES.items():
        assert rows(out / f"{name}.h5").shape == (frames, {"visual": 20, "audio": 16}[modality])
    moved = shutil.copytree(models / modality, root / "moved" / modality)
    changed = section(root / "moved", modality).model_copy(update={"batch": 3, "device": "auto"})
    run(root, changed, modality)
    assert stamps(out) == before
    shutil.rmtree(moved)
    run(root, section(root / "moved", modality), modality)  # it is not needed
    assert stamps(out) == before


@pytest.mark.parametrize("modality, save", [("visual", "vit"), ("audio", "hubert")])
def test_another_model_or_layer_makes_all_again(modality, save, root, models):
    out = run(root, section(models, modality), modality)
    before = {name: rows(out / name) for name in stamps(out)}
    run(root, section(models, modality, layers=[0]), modality)
    layered = {name: rows(out / name) for name in stamps(out)}
    which = image_models if modality == "visual" else speech_models
    which.save(root / "other" / modality, save, seed=9)
    run(root, section(root / "other", modality), modality)
    other = {name: rows(out / name) for name in stamps(out)}
    for name in before:
        assert np.abs(layered[name] - before[name]).max() > 1e-3
        assert np.abs(other[name] - before[name]).max() > 1e-3


@pytest.mark.parametrize("modality", ["visual", "audio"])
def test_any_number_of_workers_gives_the_same_bytes(modality, root, models, monkeypatch):
    made = []
    for workers in ("1", "3"):
        monkeypatch.setenv("RJCMA_WORKERS", workers)
        out = run(root, section(models, modality), modality)
        made.append({path.name: path.read_bytes() for path in out.glob("*.h5")})
        shutil.rmtree(root / modality)
    assert made[0] == made[1] and len(made[0]) == len(tiny_corpus.FRAMES)


def test_people_of_one_video_have_the_same_sound(root, models):
    out = run(root, section(models, "audio"), "audio")
    anna, bert = rows(out / "anna.h5"), rows(out / "bert.h5")
    assert np.array_equal(anna[: len(bert)], bert)


def test_only_what_changed_is_made_again(root, models):
    out = run(root, section(models, "visual"), "visual")
    before = stamps(out)
    change_faces(root, "dora")
    run(root, section(models, "visual"), "visual")
    after = stamps(out)
    assert {name for name in after if after[name] != before[name]} == {"dora.h5"}
    out = run(root, section(models, "audio"), "audio")
    before = stamps(out)
    speech_models.write(root / "sound" / "both.wav", speech_models.sound(1.1, 77))
    run(root, section(models, "audio"), "audio")
    after = stamps(out)
    assert {n for n in after if after[n] != before[n]} == {"anna.h5", "bert.h5"}


def test_sound_that_is_missing_is_a_problem_of_its_video_and_the_others_are_made(root, models):
    (root / "sound" / "both.wav").unlink()
    with pytest.raises(Problems, match=r"clip both: .*both\.wav: found no such file"):
        run(root, section(models, "audio"), "audio")
    left = {f"{name}.h5" for name in tiny_corpus.FRAMES} - {"anna.h5", "bert.h5"}
    assert stamps(root / "audio").keys() == left


@pytest.mark.parametrize("modality", ["visual", "audio"])
def test_a_missing_model_is_one_problem_before_anything_is_made(modality, root, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(root / "cache"))
    with pytest.raises(Problem, match=rf"encoders\.{modality}\.weights: .*found no such folder"):
        run(root, section(root / "none", modality), modality)
    assert list((root / modality).iterdir()) == []


def test_a_model_that_cannot_be_used_is_said_once(root, models):
    with pytest.raises(Problems, match="which reads input_values") as caught:
        run(root, section(models, "visual", weights=str(models / "audio")), "visual")
    assert len(caught.value.problems) == 1


def test_the_stage_gives_each_kind_what_it_reads(root, models):
    params = root / "params.yaml"
    params.write_text(
        "encoders: {device: cpu, visual: {kind: compact, mode: precompute},"
        f" audio: {{kind: transformers, weights: {models / 'audio'}}}}}\n"
        "training: {seed: 3}\n"
    )
    for modality, frames, whole in (("visual", "faces", "faces"), ("audio", "logmel", "sound")):
        folders = root / modality, root / frames, root / whole
        encode.main(modality, root / "clips.jsonl", *folders, params)
    expected = run(root, section(models, "audio"), "audio")
    assert rows(root / "visual" / "emil.h5").shape == (19, 64)
    assert rows(expected / "emil.h5").shape == (19, 16)


def test_a_video_is_the_unit_of_sound(root, models):
    settings, clips = section(models, "audio"), manifest.read(root / "clips.jsonl")
    places = root / "logmel", root / "audio"
    work = adoption.work_of(encode_all, "audio", clips, *places, settings, 1, root / "sound")
    assert work.unit == "video" and work.jobs[0].name == "both"
    assert {file for job in work.jobs for file in job.files} == {f"{c.name}.h5" for c in clips}
    run(root, settings, "audio")
    with h5py.File(root / "audio" / "anna.h5") as file:
        assert "about" in file.attrs and b"encode_sound" in file.attrs["about"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("precision, tolerance", [("fp32", 1e-3), ("bf16", 0.05)])
@pytest.mark.parametrize("modality", ["visual", "audio"])
def test_vectors_of_a_gpu_are_near_those_of_a_cpu(modality, precision, tolerance, root, models):
    chosen = section(models, modality)
    on_cpu = chosen.model_copy(update={"device": "cpu"})
    on_gpu = chosen.model_copy(update={"device": "cuda", "precision": precision})
    expected = {path.name: rows(path) for path in run(root, on_cpu, modality).glob("*.h5")}
    shutil.rmtree(root / modality)  # the device is in no key
    found = {path.name: rows(path) for path in run(root, on_gpu, modality).glob("*.h5")}
    assert found.keys() == expected.keys() != set()
    for name, values in found.items():
        away = np.linalg.norm(values - expected[name]) / np.linalg.norm(expected[name])
        assert away < tolerance, name

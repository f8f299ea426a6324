"""Speech models of transformers: their states are those of the library's own calls."""

from __future__ import annotations

import json
from functools import partial

import h5py
import numpy as np
import pytest
import speech_models
import torch
from clips import clip
from encoder_settings import encoders
from image_models import save as save_image_model
from safetensors.torch import load_file, save_file
from speech_models import MODELS, RATE, sound
from transformers import (
    AutoFeatureExtractor,
    AutoModel,
    Wav2Vec2FeatureExtractor,
    WhisperFeatureExtractor,
)

from rjcma.encoders import encode_sound
from rjcma.encoders.encode_sound import SoundEncoder, encode_video
from rjcma.encoders.speech_encoder import SpeechEncoder
from rjcma.encoders.speech_model import SpeechModel
from rjcma.problem import Problem
from rjcma.wav import Wav

FPS = 25.0
FRAME = round(RATE / FPS)  # samples; two states

TOLERANCE = 0.1
"""How far a vector may be, relative to its length, from what one pass over all sound would give.

The models here have random weights, whose attention spreads over a whole chunk: the worst case.
Stated in docs/engines.md.
"""
WITHOUT_PLACE = [name for name in MODELS if name != "whisper"]
"""Models whose states do not depend on their place in a chunk, as Whisper's do."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A function: the folder of a model by its name, made once."""
    root = tmp_path_factory.mktemp("models")

    def folder(name: str):
        place = root / name.replace(" ", "-")
        return place if place.is_dir() else speech_models.save(place, name)

    return folder


@pytest.fixture(autouse=True)
def _fresh():
    encode_sound.prepared.cache_clear()


def section(folder, precision="fp32", **changes):
    """The section `encoders` with this model for the voice; precomputed."""
    audio = {"kind": "transformers", "weights": str(folder), **changes}
    return encoders(audio=audio, precision=precision)


def encoded(tmp_path, settings, samples, *, frames=0, clips=()) -> np.ndarray:
    """The vectors of the first clip, or of one that is as long as the sound."""
    wav = speech_models.write(tmp_path / "anna.wav", samples)
    clips = clips or [clip("anna", frames or len(samples) // FRAME, fps=FPS)]
    encode_video("audio", settings, clips, wav, tmp_path)
    with h5py.File(tmp_path / f"{clips[0].name}.h5") as file:
        assert file["rows"].dtype == np.float32
        return file["rows"][...]


@torch.inference_mode()
def library(folder, samples: np.ndarray, layers=None) -> np.ndarray:
    """The states that transformers' own extractor and model give of all sound at once, (S, D)."""
    prepared = AutoFeatureExtractor.from_pretrained(folder)(
        samples.astype(np.float32) / 2**15, sampling_rate=RATE, return_tensors="pt"
    )
    model = AutoModel.from_pretrained(folder).eval()
    if "input_features" in prepared:
        result = model.encoder(prepared.input_features, output_hidden_states=True)
    else:
        result = model(prepared.input_values, output_hidden_states=True)
    if layers is None:
        return result.last_hidden_state[0].numpy()
    return torch.stack([result.hidden_states[n][0] for n in layers]).mean(0).numpy()


def on_frames(states: np.ndarray, frames: int) -> np.ndarray:
    """Two states a frame at 25 frames a second; the last frame may have one."""
    pairs = [states[2 * n : 2 * n + 2] for n in range(frames)]
    return np.stack([pair.mean(0) if len(pair) else states[-1] for pair in pairs])


def error(found, expected) -> np.ndarray:
    """The difference of each vector, relative to its length."""
    assert found.shape == expected.shape
    return np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)


@pytest.mark.parametrize("name", MODELS)
def test_frames_have_the_mean_of_the_states_of_the_librarys_own_call(name, folders, tmp_path):
    samples = sound(3)
    found = encoded(tmp_path, section(folders(name)), samples)
    expected = on_frames(library(folders(name), samples), len(found))
    assert error(found, expected).max() < 1e-4


@pytest.mark.parametrize("name", ["wav2vec2 large", "whisper"])
@pytest.mark.parametrize("layers", [[1], [0, -1], [-2, -1]])
def test_layers_are_averaged(name, layers, folders, tmp_path):
    samples = sound(2)
    found = encoded(tmp_path, section(folders(name), layers=layers), samples)
    expected = on_frames(library(folders(name), samples, layers), len(found))
    assert error(found, expected).max() < 1e-4


@pytest.mark.parametrize("name", WITHOUT_PLACE)
def test_long_sound_in_chunks_is_within_the_tolerance_of_one_pass(name, folders, tmp_path):
    samples = sound(75)
    found = encoded(tmp_path, section(folders(name)), samples)
    assert error(found, on_frames(library(folders(name), samples), len(found))).max() < TOLERANCE


@pytest.mark.parametrize("name", WITHOUT_PLACE)
def test_no_vector_depends_on_where_a_chunk_is_cut(name, folders, tmp_path, monkeypatch):
    """With contexts of 7.5 s in place of 5: other cuts, nearly the same states."""
    samples = sound(70)
    first = encoded(tmp_path, section(folders(name)), samples)
    monkeypatch.setattr("rjcma.encoders.chunks.CONTEXT", 4)
    second = encoded(tmp_path, section(folders(name)), samples)
    assert not np.array_equal(first, second)
    assert error(first, second).max() < TOLERANCE


def test_whispers_chunks_are_at_fixed_times_of_the_video(folders, tmp_path):
    """Its states depend on their place in a chunk; so longer sound must not move the chunks."""
    samples, settings = sound(100), section(folders("whisper"))
    longer = encoded(tmp_path, settings, samples)
    shorter = encoded(tmp_path, settings, samples[: 80 * RATE])
    assert np.array_equal(longer[: 45 * 25], shorter[: 45 * 25])


def test_chunks_that_run_together_give_the_same_states(folders, tmp_path):
    samples, settings = sound(100), section(folders("wavlm"))
    alone = encoded(tmp_path, settings, samples)
    encoder = SoundEncoder(settings)
    encoder.at_once = 3
    each = clip("anna", len(alone), fps=FPS)
    with Wav(tmp_path / "anna.wav") as file:
        encoder.write(file, [each], tmp_path)
    with h5py.File(tmp_path / "anna.h5") as file:
        assert error(file["rows"][...], alone).max() < 1e-4


def test_clips_of_one_video_share_its_states_and_a_stretch_has_its_own(folders, tmp_path):
    samples = sound(20)
    left = clip("left", 500, video="anna", fps=FPS)
    right = clip("right", 500, video="anna", fps=FPS)
    part = clip("part", 7, video="anna", fps=FPS, stretch=True, first=300)
    encoded(tmp_path, section(folders("hubert")), samples, clips=[left, right, part])
    rows = {}
    for name in ("left", "right", "part"):
        with h5py.File(tmp_path / f"{name}.h5") as file:
            rows[name] = file["rows"][...]
    assert np.array_equal(rows["left"], rows["right"])
    assert np.array_equal(rows["part"], rows["left"][300:307])


def test_only_the_chunks_that_a_stretch_needs_are_read(folders, tmp_path):
    wav = speech_models.write(tmp_path / "anna.wav", sound(200))
    part = clip("part", 7, video="anna", fps=FPS, stretch=True, first=2500)
    encoder, reads = SoundEncoder(section(folders("wavlm"))), []
    forward = encoder.model.forward
    encoder.model.forward = lambda inputs: reads.append(inputs.shape) or forward(inputs)
    with Wav(wav) as file:
        encoder.write(file, [part], tmp_path)
    assert reads == [(1, 30 * RATE)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("samples", [0, 1, 399, 400, 721])
def test_silence_and_sound_shorter_than_a_state_have_vectors(name, samples, folders, tmp_path):
    found = encoded(tmp_path, section(folders(name)), np.zeros(samples, np.int16), frames=3)
    assert found.shape == (3, 16) and np.isfinite(found).all()


def test_frames_after_the_end_of_the_sound_have_its_last_state(folders, tmp_path):
    found = encoded(tmp_path, section(folders("hubert")), sound(1), frames=40)
    assert np.array_equal(found[26:], np.repeat(found[25:26], 14, 0))


def test_a_state_that_is_not_finite_names_the_precision(folders, tmp_path):
    folder = speech_models.save(tmp_path / "model", "wav2vec2")
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layers.1.feed_forward.output_dense.weight"] *= torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Problem, match=r"clip anna: .*not finite, computed in bf16.*to fp32"):
        encoded(tmp_path, section(folder, precision="bf16"), sound(1))


# Models that cannot be used.


def refused(match: str, folder, **changes) -> Problem:
    with pytest.raises(Problem, match=match) as caught:
        SpeechModel(section(folder, **changes).audio)
    return caught.value


def altered(folder, file="config.json", **changes):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def test_a_model_of_another_kind_is_refused(tmp_path):
    problem = refused("type vit, which reads pixel_values", save_image_model(tmp_path, "vit"))
    assert "wav2vec 2" in problem.expected and "encoders.audio.weights" in problem.cure


def test_a_model_of_spectrograms_is_refused(tmp_path):
    from transformers import ASTConfig, ASTModel

    sizes = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8}
    ASTModel(ASTConfig(num_hidden_layers=1, **sizes)).save_pretrained(tmp_path)
    refused("audio-spectrogram-transformer, whose configuration has no conv_stride", tmp_path)


def test_a_model_of_another_rate_is_refused(tmp_path):
    refused("sound at 8000 Hz", speech_models.save(tmp_path, "hubert", sampling_rate=8000))


EXTRACTORS = {
    "wav2vec2": Wav2Vec2FeatureExtractor,
    "whisper": partial(WhisperFeatureExtractor, feature_size=8),
}


@pytest.mark.parametrize(
    ("name", "others", "changes", "found"),
    [
        ("whisper", "whisper", {"feature_size": 10}, "for 10 mel bands; expected 8"),
        ("whisper", "whisper", {"chunk_length": 10}, "for windows of 10 s; expected 30 s"),
        ("whisper", "wav2vec2", {}, "Wav2Vec2FeatureExtractor; expected WhisperFeatureExtractor"),
        ("wav2vec2", "whisper", {}, "WhisperFeatureExtractor; expected one for .* reads samples"),
    ],
)
def test_a_preprocessor_of_another_model_is_refused(tmp_path, name, others, changes, found):
    speech_models.save(tmp_path, name)
    EXTRACTORS[others](**changes).save_pretrained(tmp_path)
    problem = refused(f"encoders.audio.weights: .* a preprocessor .*{found}", tmp_path)
    assert "copy or download the model again" in problem.cure


def test_a_preprocessor_of_another_model_is_refused_in_training(tmp_path):
    speech_models.save(tmp_path, "wav2vec2")
    WhisperFeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(Problem, match="a preprocessor WhisperFeatureExtractor"):
        SpeechEncoder(section(tmp_path, mode="finetune").audio)


def test_a_folder_without_its_extractor_or_weights_is_a_problem(tmp_path):
    speech_models.save(tmp_path, "wavlm")
    (tmp_path / "preprocessor_config.json").unlink()
    refused("AutoFeatureExtractor cannot read it", tmp_path)
    speech_models.extractor("wavlm").save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    refused("AutoModel cannot read it", tmp_path)


def test_missing_weights_are_named_and_a_head_is_left_out(folders, tmp_path, capsys):
    SpeechModel(section(folders("wav2vec2 large")).audio)
    assert "lm_head.bias, lm_head.weight (2) not needed, left out" in capsys.readouterr().err
    altered(speech_models.save(tmp_path, "hubert"), num_hidden_layers=3)
    refused(r"weights missing: encoder\.layers\.2", tmp_path)


def test_layers_that_the_model_does_not_have_are_refused(folders):
    refused("layers with 3; expected layers from 0 to 2", folders("whisper"), layers=[3])
    refused("layers with -4", folders("wavlm"), layers=[-1, -4])


def test_an_adapter_that_changes_the_times_of_states_is_noticed(tmp_path):
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    config = Wav2Vec2Config(**speech_models.SIZES, add_adapter=True, output_hidden_size=16)
    Wav2Vec2Model(config).save_pretrained(tmp_path)
    speech_models.extractor("wav2vec2").save_pretrained(tmp_path)
    with pytest.raises(Problem, match=r"states of 48000 samples; expected 149.*name another model"):
        encoded(tmp_path, section(tmp_path), sound(3))


def test_layers_of_another_rate_than_the_models_output_are_noticed(tmp_path):
    """SEW's blocks have half as many states as its output."""
    folder = speech_models.save(tmp_path, "sew")
    with pytest.raises(
        Problem, match=r"74 states.*expected 149.*set encoders\.audio\.layers to null"
    ):
        encoded(tmp_path, section(folder, layers=[-1]), sound(3))

"""Speech models of transformers that are trained with the network, from the sound of windows."""

from __future__ import annotations

import pickle
import shutil
import sys

import h5py
import numpy as np
import pytest
import speech_models
import tiny_corpus
import torch
from clips import clip
from encoder_settings import encoders
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import Wav2Vec2Config, Wav2Vec2Model

from rjcma import manifest
from rjcma.encoders.chunks import Grid
from rjcma.encoders.encode_all import encode_all
from rjcma.encoders.placing import edges, spans
from rjcma.encoders.sound import CONTEXT, needed
from rjcma.encoders.speech_encoder import SpeechEncoder, within
from rjcma.fusion.settings import Widths
from rjcma.problem import Problem
from rjcma.training import history, network
from rjcma.training.batches import batch
from rjcma.training.checkpoint import Checkpoint
from rjcma.training.clip_data import SOUND, open_all
from rjcma.training.saved import load_run
from rjcma.training.windows import ClipWindow
from rjcma.wav import RATE

FAMILIES = ("wav2vec2", "wav2vec2 large", "hubert", "wavlm")


def section(folder, **changes):
    audio = {"kind": "transformers", "mode": "finetune", "weights": str(folder), **changes}
    return encoders(audio=audio)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: speech_models.save(root / name, name) for name in (*FAMILIES, "whisper")}


@pytest.fixture(scope="module")
def root(tmp_path_factory, models):
    """A tiny corpus with sound, of which some ends before its clip does."""
    path = tmp_path_factory.mktemp("corpus")
    clips = tiny_corpus.write(path)
    (path / "wav").mkdir()
    for number, each in enumerate(clips):
        seconds = each.frames / each.fps + 0.3
        sound = speech_models.sound(seconds if each.name != "cleo" else seconds / 2, number)
        speech_models.write(path / "wav" / f"{each.video}.wav", sound)
    referred(path, clips, path / "voice")
    return path


def referred(root, clips, out):
    """What stage encode writes in mode finetune."""
    given = section("a model that need not be here")
    encode_all("audio", clips, root / "logmel", out, given, 1, root / "wav")


def opened(root, names, folder="voice"):
    clips = [each for each in manifest.read(root / "clips.jsonl") if each.name in names]
    return open_all(clips, {"audio": root / folder}, {"audio": SOUND}, root / "labels", "valence")


def read(data, windows, frames=11):
    """The sound of these windows, as the encoder reads it."""
    clips = {each.clip.name: each for each in data}
    return batch([ClipWindow(*w) for w in windows], clips, frames).values(None)["audio"]


def vectors(encoder, root, *windows):
    with torch.no_grad():
        return encoder.eval()(read(opened(root, {w[0] for w in windows}), windows, 31))


@pytest.mark.parametrize("fps", [7.5, 24, 25, 29.97, 30, 60, 240])
def test_frames_have_the_states_that_they_have_in_mode_precompute(fps):
    """Against the spans by which stage encode takes means."""
    record, count, grid = clip("a", 40, fps=fps), 60, Grid(320, 400, 199.5)
    states = torch.randn(count, 3, dtype=torch.float64)
    frames = torch.from_numpy(np.stack(edges(record), 1) * RATE)
    found = within(states, frames, grid)
    first, beyond = spans(record, grid.stride, grid.centre, count)
    expected = [states[a:b].mean(0) for a, b in zip(first, beyond)]
    torch.testing.assert_close(found, torch.stack(expected))


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 4000))
def test_chunks_begin_at_whole_seconds_and_hold_the_context_and_a_state(samples, start, length):
    ((low, high),) = needed(np.array([[start, start + length]], np.float64), samples)
    total = max(samples, 1)
    assert 0 <= low < high <= total and low % RATE == 0
    assert high == total or (high % RATE == 0 and high >= start + length + CONTEXT)
    if start < total:
        assert low == 0 or low <= start - CONTEXT
        assert start - low < CONTEXT + RATE and high - start - length < CONTEXT + RATE


def test_a_clip_that_is_one_chunk_has_the_vectors_of_mode_precompute(root, tmp_path):
    """Of a model whose norms are not over time, and whose sound is not scaled."""
    folder = speech_models.save(tmp_path / "model", "wav2vec2 large", do_normalize=False)
    once = section(folder, mode="precompute", layers=[1, 2])
    clips = manifest.read(root / "clips.jsonl")
    encode_all("audio", clips, root / "logmel", tmp_path / "vectors", once, 1, root / "wav")
    encoder = SpeechEncoder(section(folder, layers=[1, 2]).audio)
    for each in clips:
        found = vectors(encoder, root, (each.name, 0, each.frames)).numpy()
        with h5py.File(tmp_path / "vectors" / f"{each.name}.h5") as file:
            assert found == pytest.approx(file["rows"][...], abs=1e-4), each.name


@pytest.mark.parametrize("name", FAMILIES)
def test_windows_of_a_batch_have_the_vectors_that_each_has_alone(name, root, models):
    encoder = SpeechEncoder(section(models[name]).audio)
    windows = [("anna", 2, 13), ("anna", 9, 20), ("cleo", 12, 23), ("bert", 0, 7), ("dora", 0, 11)]
    together = vectors(encoder, root, *windows)
    alone = torch.cat([vectors(encoder, root, window) for window in windows])
    assert len(together) == 4 * 11 + 7 and together.std(0).min() > 1e-3
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_a_windows_vectors_depend_on_the_sound_around_it_and_on_no_other(models, tmp_path):
    record = clip("long", 300, fps=10)
    (tmp_path / "labels").mkdir()
    np.save(tmp_path / "labels/long.npy", np.zeros((300, 2), np.float32))
    (tmp_path / "wav").mkdir()
    sound = speech_models.sound(30)
    encoder = SpeechEncoder(section(models["wav2vec2"]).audio).eval()

    def encoded(changed):
        samples = sound.copy()
        samples[changed] = samples[changed] // 2
        speech_models.write(tmp_path / "wav" / f"{record.video}.wav", samples)
        referred(tmp_path, [record], tmp_path / "voice")
        data = open_all([record], {"audio": tmp_path / "voice"}, {"audio": SOUND}, None, "valence")
        with torch.no_grad():
            return encoder(read(data, [("long", 100, 110)]))

    whole = encoded(slice(0, 0))
    second = RATE
    assert torch.equal(encoded(slice(0, 9 * second)), whole)
    assert torch.equal(encoded(slice(12 * second, 30 * second)), whole)
    assert not torch.equal(encoded(slice(9 * second, 10 * second)), whole)
    assert not torch.equal(encoded(slice(11 * second, 12 * second)), whole)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_third_of_attention_is_released_first_and_convolutions_never(name, models):
    encoder = SpeechEncoder(section(models[name]).audio)
    assert encoder.groups == (("model.encoder.layers.1",), ("model.encoder.layers.0",))
    free = SpeechEncoder(section(models[name], frozen_embeddings=False).audio)
    assert free.groups[0] == encoder.groups[0]
    assert any("feature_extractor.conv_layers.0" in part for part in free.groups[1])


def test_convolutions_of_positions_are_no_blocks(tmp_path):
    """data2vec has several, in a list before the list of blocks."""
    folder = speech_models.save(tmp_path, "data2vec")
    encoder = SpeechEncoder(section(folder).audio)
    assert encoder.groups == (("model.encoder.layers.1",), ("model.encoder.layers.0",))
    free = SpeechEncoder(section(folder, frozen_embeddings=False).audio)
    assert any("pos_conv_embed.layers.2" in part for part in free.groups[1])


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_reach_the_first_convolution_and_its_norm(name, models, root):
    encoder = SpeechEncoder(section(models[name], frozen_embeddings=False).audio)
    for part in (part for group in encoder.groups for part in group):
        encoder.get_submodule(part).requires_grad_(True).train()
    data = opened(root, {"anna"})
    encoder(read(data, [("anna", 2, 13)])).square().sum().backward()
    first = "model.feature_extractor.conv_layers.0"
    for part in (f"{first}.conv.weight", f"{first}.layer_norm.weight"):
        assert encoder.get_parameter(part).grad.any(), part
    idle = {n for n, w in encoder.named_parameters() if w.requires_grad and w.grad is None}
    assert not idle


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "wav2vec2 large"])
def test_adapters_compute_again_with_the_same_gradients_and_keep_less(name, models):
    pytest.importorskip("peft")
    samples = torch.from_numpy(speech_models.sound(2))
    found, kept = [], []
    for checkpointing in (False, True):
        torch.manual_seed(5)
        chosen = section(models[name], lora={"rank": 2}, checkpointing=checkpointing)
        encoder = SpeechEncoder(chosen.audio).eval()
        for part in (part for group in encoder.groups for part in group):
            encoder.get_submodule(part).requires_grad_(True).train()
        sizes = []

        def keep(tensor, sizes=sizes):
            sizes.append(tensor.numel())
            return tensor

        encoder.begin()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            vectors = encoder.states(samples)
        vectors.square().sum().backward()
        in_training = {n for n, m in encoder.named_modules() if m.training and "lora" not in n}
        blocks = {f"model.encoder.layers.{n}" for n in (0, 1)} if checkpointing else set()
        assert in_training == blocks
        found.append({n: w.grad for n, w in encoder.named_parameters() if w.grad is not None})
        kept.append(sum(sizes))
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][n], found[1][n]) for n in found[0])
    assert kept[1] < kept[0] / 4


def test_a_conformers_attention_has_adapters(tmp_path):
    pytest.importorskip("peft")
    folder = speech_models.save(tmp_path, "conformer")
    plain = SpeechEncoder(section(folder).audio)
    encoder = SpeechEncoder(section(folder, lora={"rank": 2}).audio)
    samples = torch.from_numpy(speech_models.sound(1))
    assert torch.equal(encoder.states(samples), plain.states(samples))
    parts = {part.split(".self_attn.")[1] for part in encoder.groups[0]}
    assert parts == {f"linear_{n}.lora_{m}" for n in ("q", "k", "v", "out") for m in "AB"}
    for part in (part for group in encoder.groups for part in group):
        for weight in encoder.get_submodule(part).requires_grad_(True).parameters():
            torch.nn.init.normal_(weight, std=0.3)
    trained = encoder.states(samples)
    trained.square().sum().backward()
    assert all(w.grad.any() for w in encoder.parameters() if w.requires_grad)
    encoder.merge()
    assert (trained - plain.states(samples)).abs().max() > 0.01
    torch.testing.assert_close(encoder.states(samples), trained, rtol=1e-4, atol=1e-5)


def test_whisper_and_attention_that_passes_adapters_by_are_refused(models):
    with pytest.raises(
        Problem, match=r"Whisper's encoder.*set encoders\.audio\.mode to precompute"
    ):
        SpeechEncoder(section(models["whisper"]).audio)
    pytest.importorskip("peft")
    with pytest.raises(Problem, match=r"past adapters.*set encoders\.audio\.lora to null"):
        SpeechEncoder(section(models["wavlm"], lora={"rank": 2}).audio)


def test_a_model_whose_states_are_at_other_times_is_refused(tmp_path):
    adapter, sew = (speech_models.save(tmp_path / name, name) for name in ("adapter", "sew"))
    with pytest.raises(Problem, match=r"7 states of 16000 samples; expected 49.*another model"):
        SpeechEncoder(section(adapter).audio)
    with pytest.raises(Problem, match=r"24 states.*set encoders\.audio\.layers to null"):
        SpeechEncoder(section(sew, layers=[-1]).audio)
    assert SpeechEncoder(section(sew).audio).width == 16


def test_the_width_is_that_of_the_states(tmp_path):
    config = {"add_adapter": True, "adapter_stride": 1, "output_hidden_size": 24}
    model = Wav2Vec2Model(Wav2Vec2Config(**speech_models.SIZES, **config))
    model.save_pretrained(tmp_path)
    speech_models.extractor("wav2vec2").save_pretrained(tmp_path)
    encoder = SpeechEncoder(section(tmp_path).audio)
    assert encoder.width == encoder.states(torch.zeros(RATE)).shape[1] == 24
    assert SpeechEncoder(section(tmp_path).audio, encoder.looks).width == 24


RELEASES = {"warmup": 1, "patience": 1, "learning_rate": 0.03, "min_learning_rate": 0.03}


def asked(model, epochs=2, training=None, **changes):
    chosen = tiny_corpus.settings("finetune", epochs=epochs, **(training or {}))
    widths = Widths(visual=7, audio=3, text=5)
    fusion = chosen.fusion.model_copy(update={"modalities": ("audio", "text"), "widths": widths})
    return tiny_corpus.run(chosen._replace(encoders=section(model, **changes), fusion=fusion))


@pytest.fixture
def trained(root, monkeypatch):
    folders = {"audio": "voice", "text": "text"}
    monkeypatch.setitem(tiny_corpus.FOLDERS, "voice", folders)

    def train(out, run, **how):
        return tiny_corpus.trained(root, out, run, "voice", **how)

    return train


@pytest.mark.parametrize("changes", [{}, {"lora": {"rank": 2}}], ids=["blocks", "adapters"])
def test_a_run_changes_what_is_released_and_predicts_without_the_model_and_its_library(
    changes, root, models, trained, tmp_path, monkeypatch
):
    if changes:
        pytest.importorskip("peft")
    model = shutil.copytree(models["hubert"], tmp_path / "model")
    before = SpeechEncoder(section(model).audio).state_dict()
    run = trained(tmp_path / "valence-0", asked(model, **changes))
    after = load_file(run / "weights.safetensors")
    part = "encoder.layers.1.attention" if changes else "encoder.layers.1."
    for name, tensor in before.items():
        same = torch.equal(tensor, after[f"encoders.audio.{name}"])
        assert same == (part not in name or (bool(changes) and name.endswith("bias"))), name
    shutil.rmtree(model)
    monkeypatch.setitem(sys.modules, "peft", None)
    clips = manifest.read(root / "clips.jsonl")
    folders = tiny_corpus.folders(root, "voice")
    predictions = load_run(run).predict(clips, folders, device_name="cpu")
    with h5py.File(run / "predictions.h5") as file:
        assert set(file) == set(predictions)
        for name, series in predictions.items():
            assert series.std() > 0
            np.testing.assert_allclose(series, file[name][:], atol=1e-6)


def test_a_killed_run_ends_in_the_same_bytes_after_either_release(
    models, trained, tmp_path, monkeypatch
):
    run = asked(models["wav2vec2"], epochs=5, training=RELEASES)
    whole = trained(tmp_path / "whole", run)
    steps = [row.released for row in history.read(whole / "history.csv")]
    assert set(steps) == {1, 2}
    save = Checkpoint.save

    def save_and_die(checkpoint, state):
        save(checkpoint, state)
        if len(state["history"]) == steps.index(2) + 1:
            raise KeyboardInterrupt

    how = {"checkpoint": tmp_path / "run.pt"}
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Checkpoint, "save", save_and_die)
        trained(tmp_path / "killed", run, **how)
    again = trained(tmp_path / "killed", run, **how)
    for path in whole.glob("*.*"):
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_readers_and_batches_pass_whole_to_other_processes_and_back(root):
    data = opened(root, {"anna", "dora"})
    windows = [("anna", 0, 11), ("dora", 9, 20)]
    here = read(data, windows)
    sent = pickle.loads(pickle.dumps(data))
    clips = {each.clip.name: each for each in sent}
    whole = pickle.loads(pickle.dumps(batch([ClipWindow(*w) for w in windows], clips, 11)))
    there = whole.values(None)["audio"]
    assert here.lengths == there.lengths == [11, 11]
    assert torch.equal(here.rows, there.rows) and torch.equal(here.index, there.index)


def test_a_delay_can_be_found_from_sound(models, trained, tmp_path, capsys):
    trained(tmp_path / "valence-0", asked(models["hubert"], 1, {"delay": "best"}))
    assert "fits the training clips best" in capsys.readouterr().err


def test_other_sound_changes_the_reference_and_the_same_sound_elsewhere_does_not(root, tmp_path):
    clips = manifest.read(root / "clips.jsonl")[:1]
    moved = shutil.copytree(root / "wav", tmp_path / "wav")
    referred(tmp_path, clips, tmp_path / "voice")
    same = (tmp_path / "voice" / f"{clips[0].name}.h5").read_bytes()
    assert same == (root / "voice" / f"{clips[0].name}.h5").read_bytes()
    speech_models.write(moved / f"{clips[0].video}.wav", speech_models.sound(4, 99))
    referred(tmp_path, clips, tmp_path / "voice")
    assert (tmp_path / "voice" / f"{clips[0].name}.h5").read_bytes() != same


def test_sound_that_is_missing_is_named_before_training(root, models, trained, tmp_path):
    moved = shutil.move(root / "wav", root / "away")
    try:
        with pytest.raises(Problem, match=r"no files of 6 clips.*dvc pull .*wav"):
            trained(tmp_path / "valence-0", asked(models["hubert"]))
        with pytest.raises(Problem, match=r"anna.*wav.*no such file"):
            opened(root, {"anna"})
    finally:
        shutil.move(moved, root / "wav")


@pytest.mark.parametrize("feature", ["text", "logmel", "none"])
def test_files_that_refer_to_no_sound_are_refused(feature, root):
    with pytest.raises(Problem, match=r"anna.*(no reference to sound|no such file)"):
        opened(root, {"anna"}, feature)


def test_frames_long_after_the_end_of_the_sound_have_its_last_vector_and_little_is_read(
    models, tmp_path, monkeypatch
):
    record = clip("long", 36_000, fps=10)
    (tmp_path / "wav").mkdir()
    speech_models.write(tmp_path / "wav" / f"{record.video}.wav", speech_models.sound(5.2))
    referred(tmp_path, [record], tmp_path / "voice")
    encoder = SpeechEncoder(section(models["wav2vec2 large"]).audio)

    def heard():
        data = open_all([record], {"audio": tmp_path / "voice"}, {"audio": SOUND}, None, "valence")
        return read(data, [("long", 45, 56), ("long", 35_990, 36_000)])

    sound = heard()
    found = encoder(sound)
    assert len(sound.rows) < 5 * RATE
    assert torch.equal(found[11:], found[11:12].expand(10, -1))
    monkeypatch.setattr("rjcma.training.sound_reader.BEYOND", 3600 * RATE)
    whole = heard()
    assert len(whole.rows) > 3500 * RATE
    assert torch.equal(encoder(whole), found)


def test_references_of_another_length_are_refused(root, tmp_path):
    (record,) = (each for each in manifest.read(root / "clips.jsonl") if each.name == "anna")
    other = record.model_copy(update={"frames": record.frames - 1})
    referred(root, [other], tmp_path / "voice")
    with pytest.raises(Problem, match=r"30 frames; expected the clip's 31"):
        open_all([record], {"audio": tmp_path / "voice"}, {"audio": SOUND}, None, "valence")


def test_what_a_network_reads_follows_from_the_settings(models):
    shapes = network.input_shapes(asked(models["hubert"]).settings)
    assert shapes == {"audio": SOUND, "text": None}

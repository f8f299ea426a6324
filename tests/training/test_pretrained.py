"""Image models of transformers that are trained with the network, block by block."""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise

import h5py
import image_models
import numpy as np
import pytest
import tiny_corpus
import torch
import transformers
from encoder_settings import encoders
from safetensors.torch import load_file

from rjcma import manifest
from rjcma.encoders.image_model import ImageModel
from rjcma.problem import Problem, Problems
from rjcma.training import history
from rjcma.training.checkpoint import Checkpoint
from rjcma.training.saved import load_run


def section(folder, **changes):
    visual = {"kind": "transformers", "mode": "finetune", "weights": str(folder), **changes}
    return encoders(visual=visual)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return image_models.save(tmp_path_factory.mktemp("models") / "vit", "vit")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


def trained(root, out, model, **changes):
    settings = tiny_corpus.settings("finetune", epochs=2)
    asked = tiny_corpus.run(settings._replace(encoders=section(model, **changes)))
    return tiny_corpus.trained(root, out, asked, "finetune")


@pytest.fixture(scope="module")
def run(root, model, tmp_path_factory):
    return trained(root, tmp_path_factory.mktemp("runs") / "valence-0", model)


BEFORE, UNUSED = ("embed", "pre_layrnorm"), ("pooler", "post_layernorm", "model.layernorm")
"""Parts of the names of weights before the first block, and of those that patches do not need."""


def within(encoder, group):
    """The names of the weights in a group's modules."""
    names = [name for name, _ in encoder.named_parameters()]
    return [name for name in names if any(name.startswith(f"{part}.") for part in group)]


@pytest.mark.parametrize("name", ["vit", "clip", "swin", "convnext", "beit", "resnet"])
def test_the_last_third_of_the_blocks_is_released_first_and_embeddings_never(name, tmp_path):
    encoder = ImageModel(section(image_models.save(tmp_path, name)).visual)
    names = [name for name, _ in encoder.named_parameters()]
    found = [within(encoder, group) for group in encoder.groups]
    held = [n for group in found for n in group]
    assert len(held) == len(set(held))
    rest = set(names) - set(held)
    assert all(any(part in n for part in (*BEFORE, *UNUSED)) for n in rest)
    assert any("embed" in n for n in rest)
    places = [[names.index(n) for n in group] for group in found]
    assert len(found) == (3 if name == "convnext" else 2)
    assert all(min(later) > max(earlier) for later, earlier in pairwise(places))


@pytest.mark.parametrize("name", ["vit", "clip", "swin", "convnext"])
def test_embeddings_that_are_not_frozen_are_released_with_the_first_third(name, tmp_path):
    folder = image_models.save(tmp_path, name)
    frozen = ImageModel(section(folder).visual)
    encoder = ImageModel(section(folder, frozen_embeddings=False).visual)
    assert encoder.groups[:-1] == frozen.groups[:-1]
    added = set(within(encoder, encoder.groups[-1])) - set(within(frozen, frozen.groups[-1]))
    assert added and all(any(part in n for part in BEFORE) for n in added)
    named = {n for n, _ in encoder.named_parameters() if any(part in n for part in BEFORE)}
    assert added == named


def test_blocks_after_the_layers_that_are_read_are_not_released(model):
    encoder = ImageModel(section(model, layers=[0, 1]).visual)
    assert encoder.groups == (("model.layers.0",),)
    pooled = ImageModel(section(model, output="pooled").visual)
    assert any("pooler" in name for name in within(pooled, pooled.groups[0]))


def gradients(folder, **changes):
    """Gradients of all weights, and how often the last block's attention ran."""
    torch.manual_seed(5)
    encoder = ImageModel(section(folder, **changes).visual)
    runs = []
    for group in encoder.groups:
        for part in group:
            encoder.get_submodule(part).requires_grad_(True).train()
    attention = next(m for n, m in encoder.named_modules() if n.endswith("1.attention"))
    attention.register_forward_pre_hook(lambda *_: runs.append(1))
    torch.manual_seed(6)
    encoder(torch.rand(5, 3, 40, 40) * 2 - 1).square().sum().backward()
    found = {n: w.grad for n, w in encoder.named_parameters() if w.grad is not None}
    assert found and all(w.any() for n, w in found.items() if "lora_A" not in n)
    return found, len(runs)


@pytest.mark.parametrize("adapted", [False, True])
def test_computing_again_gives_the_same_gradients(adapted, tmp_path):
    changes = {"lora": {"rank": 2}} if adapted else {}
    if adapted:
        pytest.importorskip("peft")
    folder = tmp_path / "vit"
    torch.manual_seed(3)
    drops = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}
    config = transformers.ViTConfig(**image_models.SEES, **image_models.VIT, **drops)
    transformers.ViTModel(config).save_pretrained(folder)
    image_models.preprocessor().save_pretrained(folder)
    kept, once = gradients(folder, checkpointing=False, **changes)
    again, twice = gradients(folder, **changes)
    assert (once, twice) == (1, 2)
    assert kept.keys() == again.keys()
    assert all(torch.equal(kept[name], again[name]) for name in kept)


def test_only_released_blocks_change_in_training(run, model):
    encoder, after = ImageModel(section(model).visual), load_file(run / "weights.safetensors")
    released = within(encoder, encoder.groups[0])
    for name, tensor in encoder.state_dict().items():
        same = torch.equal(tensor, after[f"encoders.visual.{name}"])
        assert same == (name not in released), name


def test_the_release_steps_are_said_at_the_start(root, model, tmp_path, capsys):
    trained(root, tmp_path / "valence-0", model)
    said = [line for line in capsys.readouterr().err.splitlines() if "release step" in line]
    weights = 4 * (20 * 20 + 20) + 2 * 20 * 24 + 20 + 24 + 4 * 20
    first, second = f"model.layers.1, model.layernorm ({weights + 40}", f"model.layers.0 ({weights}"
    assert said[:2] == [
        f"valence, fold 0: release step 1 of 2 trains visual {first} weights); audio layers"
        f" ({said[0].rpartition('(')[2]}",
        f"valence, fold 0: release step 2 of 2 adds visual {second} weights)",
    ]


def test_a_run_is_read_back_and_predicts_without_the_models_folder(root, run, model, tmp_path):
    hidden = shutil.move(model, tmp_path / "hidden")
    try:
        folders = tiny_corpus.folders(root, "finetune")
        clips = manifest.read(root / "clips.jsonl")
        predictions = load_run(run).predict(clips, folders, device_name="cpu")
    finally:
        shutil.move(hidden, model)
    with h5py.File(run / "predictions.h5") as file:
        for name, series in predictions.items():
            np.testing.assert_allclose(series, file[name][:], atol=1e-6)


def test_a_run_is_kept_wherever_the_model_is_and_computing_again_changes_no_bytes(
    root, run, model, tmp_path, monkeypatch
):
    files = {path.name: path.read_bytes() for path in run.glob("*.*")}
    stamp = (run / "weights.safetensors").stat()
    moved = shutil.copytree(model, tmp_path / "moved")
    trained(root, run, moved, checkpointing=False)
    assert (run / "weights.safetensors").stat() == stamp
    trained(root, tmp_path / "again", moved, checkpointing=False)
    again = {path.name: path.read_bytes() for path in (tmp_path / "again").glob("*.*")}
    assert again == files


RELEASES = {"warmup": 1, "patience": 1, "learning_rate": 0.03, "min_learning_rate": 0.03}
"""With this learning rate, some epochs have no better CCC, so that groups are released."""


@pytest.mark.parametrize("changes", [{}, {"lora": {"rank": 2}}], ids=["blocks", "adapters"])
def test_a_killed_run_ends_in_the_same_bytes_after_either_release(
    changes, root, model, tmp_path, monkeypatch
):
    if changes:
        pytest.importorskip("peft")
    settings = tiny_corpus.settings("finetune", epochs=5, **RELEASES)
    asked = tiny_corpus.run(settings._replace(encoders=section(model, **changes)))
    whole = tiny_corpus.trained(root, tmp_path / "whole", asked, "finetune")
    steps = [row.released for row in history.read(whole / "history.csv")]
    assert {1, 2} == set(steps)
    for epoch in (1, steps.index(2) + 1):
        checkpoint = tmp_path / f"{epoch}.pt"
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(Checkpoint, "save", dies_at(epoch, Checkpoint.save))
            how = {"checkpoint": checkpoint}
            tiny_corpus.trained(root, tmp_path / "killed", asked, "finetune", **how)
        assert checkpoint.is_file()
        again = tiny_corpus.trained(root, tmp_path / "killed", asked, "finetune", **how)
        for path in whole.glob("*.*"):
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name
        shutil.rmtree(again)


def dies_at(epoch, save):
    """A checkpoint's `save` after which the run ends, as if killed."""

    def save_and_die(checkpoint, state):
        save(checkpoint, state)
        if len(state["history"]) == epoch:
            raise KeyboardInterrupt

    return save_and_die


@pytest.fixture(scope="module")
def adapted(root, model, tmp_path_factory):
    pytest.importorskip("peft")
    return trained(root, tmp_path_factory.mktemp("adapted") / "valence-0", model, lora={"rank": 2})


def test_adapters_change_the_attention_of_released_blocks_and_nothing_else(adapted, model):
    before = ImageModel(section(model).visual).state_dict()
    after = load_file(adapted / "weights.safetensors")
    for name, tensor in before.items():
        change = (after[f"encoders.visual.{name}"] - tensor).double()
        assert change.any() == ("layers.1.attention" in name and name.endswith("weight")), name
        if change.any():
            assert torch.linalg.matrix_rank(change, rtol=1e-3) <= 2
    own = {name for name in after if name.startswith("encoders.visual.")}
    assert own == {f"encoders.visual.{name}" for name in before}


def test_a_run_with_adapters_predicts_without_their_library(adapted, root, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    clips = manifest.read(root / "clips.jsonl")
    folders = tiny_corpus.folders(root, "finetune")
    predictions = load_run(adapted).predict(clips, folders, device_name="cpu")
    with h5py.File(adapted / "predictions.h5") as file:
        for name, series in predictions.items():
            np.testing.assert_array_equal(series, file[name][:])


def test_adapters_change_no_vector_before_they_are_trained(model):
    pytest.importorskip("peft")
    faces = torch.rand(3, 3, 40, 40) * 2 - 1
    plain, with_adapters = (
        ImageModel(section(model, lora=lora).visual) for lora in (None, {"rank": 3, "alpha": 5})
    )
    assert torch.equal(plain(faces), with_adapters(faces))


def test_merged_adapters_give_the_vectors_that_they_gave(tmp_path):
    pytest.importorskip("peft")
    faces = torch.rand(3, 3, 40, 40) * 2 - 1
    for name in ("vit", "clip", "swin"):
        folder = image_models.save(tmp_path / name, name)
        encoder = ImageModel(section(folder, lora={"rank": 3, "alpha": 5}).visual)
        before = encoder(faces)
        for part in (part for group in encoder.groups for part in group):
            for weight in encoder.get_submodule(part).parameters():
                torch.nn.init.normal_(weight, std=0.3)
        trained = encoder(faces)
        encoder.merge()
        assert (trained - before).abs().max() > 0.01
        torch.testing.assert_close(encoder(faces), trained, rtol=1e-4, atol=1e-5)


def test_without_the_library_of_adapters_a_line_says_what_to_install(
    root, model, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(Problems, match=r'no library peft.*pip install "rjcma\[lora\]"'):
        trained(root, tmp_path / "valence-0", model, lora={"rank": 2})
    assert not list((tmp_path / "valence-0").glob("*.safetensors"))


def test_adapters_need_attention_and_training(tmp_path):
    folder = image_models.save(tmp_path, "resnet")
    with pytest.raises(Problem, match="a model without attention"):
        ImageModel(section(folder, lora={"rank": 2}).visual)
    with pytest.raises(ValueError, match="null in mode precompute"):
        section(folder, mode="precompute", lora={"rank": 2})


def test_a_smaller_cut_is_another_run(root, run, model, tmp_path):
    before = (run / "predictions.h5").read_bytes()
    copy = shutil.copytree(run, tmp_path / "valence-0")
    trained(root, copy, model, crop=36)
    assert (copy / "predictions.h5").read_bytes() != before

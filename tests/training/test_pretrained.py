"""Image models of transformers that are trained with the network, block by block."""

from __future__ import annotations

import shutil
from itertools import pairwise

import h5py
import image_models
import numpy as np
import pytest
import tiny_corpus
import torch
from encoder_settings import encoders
from safetensors.torch import load_file

from rjcma import manifest
from rjcma.encoders.image_model import ImageModel
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


@pytest.mark.parametrize("name", ["vit", "clip", "swin", "convnext", "beit", "resnet"])
def test_the_last_third_of_the_blocks_is_released_first_and_embeddings_never(name, tmp_path):
    encoder = ImageModel(section(image_models.save(tmp_path, name)).visual)
    names = [name for name, _ in encoder.named_parameters()]
    found = [
        [n for n in names if any(n.startswith(f"{part}.") for part in group)]
        for group in encoder.groups
    ]
    held = [n for group in found for n in group]
    assert len(held) == len(set(held))
    assert all("embed" in n or "pre_layrnorm" in n for n in set(names) - set(held))
    places = [[names.index(n) for n in group] for group in found]
    assert len(found) == (3 if name == "convnext" else 2)
    assert all(min(later) > max(earlier) for later, earlier in pairwise(places))


def test_only_released_blocks_change_in_training(run, model):
    """The pooler, which is not used, is released and stays as it was."""
    encoder, after = ImageModel(section(model).visual), load_file(run / "weights.safetensors")
    released = tuple(f"{name}." for name in encoder.groups[0])
    for name, tensor in encoder.state_dict().items():
        same = torch.equal(tensor, after[f"encoders.visual.{name}"])
        assert same == (not name.startswith(released) or "pooler" in name), name


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


def test_a_smaller_cut_is_another_run(root, run, model, tmp_path):
    before = (run / "predictions.h5").read_bytes()
    copy = shutil.copytree(run, tmp_path / "valence-0")
    trained(root, copy, model, crop=36)
    assert (copy / "predictions.h5").read_bytes() != before

"""Image models of transformers: their vectors are those of the library's own calls."""

from __future__ import annotations

import json
from types import SimpleNamespace

import h5py
import image_models
import numpy as np
import pytest
import tiny_corpus
import torch
from clips import clip
from encoder_settings import encoders
from image_models import MODELS, SIZE, TOKENS_BEFORE_PATCHES
from safetensors.torch import load_file, save_file
from transformers import (
    AutoImageProcessor,
    AutoModel,
    EfficientNetImageProcessor,
    MobileViTImageProcessor,
    ViTMAEConfig,
    ViTMAEModel,
)

from rjcma import store
from rjcma.encoders import encode_faces, pretrained
from rjcma.encoders.encode_faces import encode_clip
from rjcma.encoders.image_model import ImageModel
from rjcma.problem import Problem


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A function: the folder of a model by its name, made once."""
    root = tmp_path_factory.mktemp("models")

    def folder(name: str):
        place = root / name.replace(" ", "-")
        return place if place.is_dir() else image_models.save(place, name)

    return folder


def settings(folder, **changes):
    """The section `encoders` with this model for faces; precomputed."""
    visual = {"kind": "transformers", "weights": str(folder), **changes}
    return encoders(visual=visual)


def model(folder, **changes) -> ImageModel:
    return ImageModel(settings(folder, **changes).visual)


def crops(count=5, size=SIZE, seed=1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def scaled(pictures: np.ndarray) -> torch.Tensor:
    """Crops as encoders get them: (N, 3, S, S) in [-1, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def library(folder, pictures: np.ndarray):
    """What transformers' own processor and model give of pictures."""
    processor = AutoImageProcessor.from_pretrained(folder)
    whole = AutoModel.from_pretrained(folder)
    tower = getattr(whole, "vision_model", whole).eval()
    pixels = processor(images=list(pictures), return_tensors="pt").pixel_values
    with torch.inference_mode():
        return tower(pixel_values=pixels, output_hidden_states=True)


def mean_of_patches(name: str, state: torch.Tensor) -> torch.Tensor:
    if state.dim() == 4:
        return state.mean((2, 3))
    return state[:, TOKENS_BEFORE_PATCHES.get(name, 0) :].mean(1)


def assert_close(found, expected, tolerance=1e-4):
    """Equal, relative to the length of each vector."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    error = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert error.max() < tolerance


@torch.inference_mode()
def vectors(encoder: ImageModel, pictures: np.ndarray) -> np.ndarray:
    return encoder(scaled(pictures)).numpy()


@pytest.mark.parametrize("name", MODELS)
def test_the_mean_of_patches_is_that_of_the_librarys_own_call(name, folders):
    pictures, encoder = crops(), model(folders(name))
    expected = mean_of_patches(name, library(folders(name), pictures).last_hidden_state)
    assert_close(vectors(encoder, pictures), expected)
    assert encoder.width == expected.shape[1]


@pytest.mark.parametrize("name", ["vit", "deit", "registers", "clip", "beit", "dinov3 convnext"])
def test_the_class_token_is_the_first(name, folders):
    found = vectors(model(folders(name), output="class"), crops())
    assert_close(found, library(folders(name), crops()).last_hidden_state[:, 0])


@pytest.mark.parametrize("name", ["vit", "clip", "siglip", "convnext", "swin", "resnet"])
def test_pooled_is_what_the_model_makes_of_it(name, folders):
    found = vectors(model(folders(name), output="pooled"), crops())
    assert_close(found, library(folders(name), crops()).pooler_output.flatten(1))


@pytest.mark.parametrize("name", ["vit", "swin", "convnext", "cvt", "dinov3 convnext"])
@pytest.mark.parametrize("layers", [[-1], [1], [-1, -1]])
def test_layers_are_averaged(name, layers, folders):
    states = library(folders(name), crops()).hidden_states
    expected = torch.stack([mean_of_patches(name, states[layer]) for layer in layers]).mean(0)
    assert_close(vectors(model(folders(name), layers=layers), crops()), expected)


def test_crops_of_another_size_are_resized_as_the_processor_would(folders):
    """Up to the rounding of pixels: a processor rounds them to whole numbers again."""
    for size in (20, 48):
        pictures = np.stack([np.kron(c, np.ones((5, 5, 1), np.uint8)) for c in crops(3, 10)])
        pictures = pictures[:, :size, :size]
        expected = library(folders("vit"), pictures).last_hidden_state[:, 1:].mean(1)
        assert_close(vectors(model(folders("vit")), pictures), expected, 0.02)


def test_the_whole_crop_is_seen_where_a_processor_would_cut_its_middle(folders, tmp_path):
    reads = {"size": {"shortest_edge": 40}, "crop_size": {"height": SIZE, "width": SIZE}}
    image_models.save(tmp_path, "vit", do_center_crop=True, **reads)
    config = json.loads((tmp_path / "preprocessor_config.json").read_text())
    config.update(reads, do_center_crop=True, image_processor_type="CLIPImageProcessor")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    encoder = model(tmp_path)
    assert encoder.size == SIZE
    assert_close(vectors(encoder, crops()), vectors(model(folders("vit")), crops()), 1e-6)


def test_a_mean_may_be_one_number_of_all_channels(folders, tmp_path):
    image_models.save(tmp_path, "vit", image_mean=0.5, image_std=0.25)
    found = vectors(model(tmp_path), crops())
    assert_close(found, library(tmp_path, crops()).last_hidden_state[:, 1:].mean(1))


# Clips.


@pytest.fixture
def root(tmp_path):
    tiny_corpus.write(tmp_path)
    encode_faces.prepared.cache_clear()
    return tmp_path


ANNA, BERT = (clip(name, tiny_corpus.FRAMES[name]) for name in ("anna", "bert"))


def test_a_frame_without_a_face_has_the_vector_of_a_black_crop(root, folders, capsys):
    chosen = settings(folders("vit"))
    for each in (ANNA, BERT):
        encode_clip("visual", chosen, root / "faces", each, root / "out.h5")
        reader = store.FeatureReader(
            root / "faces" / f"{each.name}.h5", clip="", frames=each.frames
        )
        expected = vectors(model(folders("vit")), reader.read(0, each.frames))
        with h5py.File(root / "out.h5") as file:
            assert file["rows"].dtype == np.float32 and "index" not in file
            assert_close(file["rows"][...], expected)
    said = [line for line in capsys.readouterr().err.splitlines() if "48 pixels" in line]
    assert len(said) == 1 and "resized to the model's 32" in said[0]


def test_vectors_do_not_depend_on_how_many_crops_are_read_at_once(root, folders):
    found = []
    for batch in (1, 7, 256):
        changed = settings(folders("swin")).model_copy(update={"batch": batch})
        encode_clip("visual", changed, root / "faces", ANNA, root / "out.h5")
        with h5py.File(root / "out.h5") as file:
            found.append(file["rows"][...])
    assert_close(found[0], found[2], 1e-5)
    assert_close(found[1], found[2], 1e-5)


def test_a_file_is_the_same_however_many_vectors_are_written_at_once(root, folders, monkeypatch):
    files = []
    for written in (4096, 4):
        monkeypatch.setattr(encode_faces, "WRITTEN", written)
        encode_clip("visual", settings(folders("vit")), root / "faces", ANNA, root / "out.h5")
        files.append((root / "out.h5").read_bytes())
    assert files[0] == files[1]


def test_what_is_not_finite_in_half_precision_names_the_precision(root, tmp_path):
    image_models.save(tmp_path / "model", "vit")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["encoder.layer.1.output.dense.weight"] *= 1e20  # beyond what fp16 holds
    save_file(weights, path, metadata={"format": "pt"})
    chosen = settings(tmp_path / "model").model_copy(update={"precision": "fp16"})
    with pytest.raises(Problem, match=r"not finite, computed in fp16.*precision to fp32"):
        encode_clip("visual", chosen, root / "faces", ANNA, root / "out.h5")
    assert not (root / "out.h5").exists()


# Models that cannot be used.


def refused(match: str, folder, **changes) -> Problem:
    with pytest.raises(Problem, match=match) as caught:
        model(folder, **changes)
    return caught.value


def test_a_model_of_text_is_no_image_model(tmp_path):
    from text_models import bert

    problem = refused("type bert, which reads input_ids", bert(tmp_path))
    assert "ViT" in problem.expected and "encoders.visual.weights" in problem.cure


@pytest.mark.parametrize(
    "file, reason",
    [
        ("preprocessor_config.json", "AutoImageProcessor cannot read it"),
        ("model.safetensors", "AutoModel cannot read it"),
        ("config.json", "a folder without config.json"),
    ],
)
def test_a_folder_that_lacks_a_file_is_a_problem(file, reason, tmp_path):
    image_models.save(tmp_path, "vit")
    (tmp_path / file).unlink()
    refused(reason, tmp_path)


def test_weights_cut_in_half_are_a_problem(tmp_path):
    path = image_models.save(tmp_path, "vit") / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused("AutoModel cannot read it", tmp_path)


def altered(folder, **changes):
    """The folder, with other values in its configuration."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def test_missing_and_surplus_weights_are_named(tmp_path):
    one, other = (image_models.save(tmp_path / n, "vit") for n in ("one", "other"))
    refused(r"weights missing: .*layers?\.2\.", altered(one, num_hidden_layers=3))
    refused(r"weights unknown: .*layers?\.1\.", altered(other, num_hidden_layers=1))


def test_weights_of_another_shape_are_a_problem(tmp_path):
    refused("AutoModel cannot read it", altered(image_models.save(tmp_path, "vit"), hidden_size=24))


def test_a_pooler_without_weights_is_a_problem_only_if_it_is_used(folders):
    assert model(folders("vit classifier")).width == 20
    refused(r"weights missing: pooler\.", folders("vit classifier"), output="pooled")


def test_a_weight_missing_in_a_block_is_a_problem_though_its_module_is_called_head(
    folders, monkeypatch
):
    def read(named, auto, **options):
        found = library_read(named, auto, **options)
        return (found[0], lacking) if auto is AutoModel else found

    lacking = {"missing_keys": ["layers.1.head.weight"], "unexpected_keys": []}
    library_read = pretrained.read
    monkeypatch.setattr(pretrained, "read", read)
    refused(r"weights missing: layers\.1\.head\.weight", folders("vit"))


def test_what_else_a_checkpoint_holds_is_left_out_and_said(folders, capsys):
    model(folders("vit classifier"))
    assert "classifier.bias, classifier.weight (2) not needed, left out" in capsys.readouterr().err


def test_a_model_that_brings_code_is_refused_and_its_code_is_not_run(tmp_path):
    image_models.save(tmp_path, "vit")
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    auto = {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}
    refused(
        "code of its own, which is never run", altered(tmp_path, model_type="mine", auto_map=auto)
    )
    assert not (tmp_path / "ran").exists()


def test_a_masked_autoencoder_is_refused_and_changes_no_later_random_number(tmp_path):
    ViTMAEModel(ViTMAEConfig(**image_models.SEES, **image_models.VIT)).save_pretrained(tmp_path)
    image_models.preprocessor().save_pretrained(tmp_path)
    before = torch.get_rng_state()
    refused("draws random numbers whenever it runs", tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_size_that_the_model_cannot_read_is_a_problem(tmp_path):
    image_models.save(tmp_path, "vit", size={"height": 40, "width": 40})
    refused("cannot read pictures of 40 pixels", tmp_path)


@pytest.mark.parametrize("reads", [{"do_rescale": False}, {"rescale_factor": 1 / 127.5}])
def test_a_processor_that_scales_pixels_in_another_way_is_refused(reads, tmp_path):
    refused("in another way than by 1/255", image_models.save(tmp_path, "vit", **reads))


@pytest.mark.parametrize(
    "reads, made",
    [
        (MobileViTImageProcessor(crop_size={"height": 32, "width": 32}), "0.784, 0.392, 0.0392"),
        (EfficientNetImageProcessor(), "of red, green and blue 10, 100, 200 it makes"),
    ],
    ids=["swapped channels", "scaled twice"],
)
def test_a_processor_that_swaps_channels_or_scales_twice_is_refused(reads, made, tmp_path):
    image_models.save(tmp_path, "vit", processor=False)
    reads.size = {"height": SIZE, "width": SIZE}
    reads.save_pretrained(tmp_path)
    refused(made, tmp_path)


def test_a_processor_that_fails_or_does_not_say_how_it_resizes_is_a_problem(tmp_path, monkeypatch):
    image_models.save(tmp_path, "vit", image_mean=None)
    refused("cannot read a picture of 32 pixels .*image_mean", tmp_path)
    silent = SimpleNamespace(size=SimpleNamespace(height=SIZE))
    monkeypatch.setattr("rjcma.encoders.image_model.read", lambda *_: silent)
    refused("does not say how it resizes", tmp_path)


@pytest.mark.parametrize(
    "name, changes, reason",
    [
        ("siglip", {"output": "class"}, "without a class token"),
        ("swin", {"output": "class"}, "without a class token"),
        ("cvt", {"output": "class"}, "without a class token"),
        ("dinov3 convnext", {"output": "class", "layers": [1]}, "without a class token"),
        ("vit", {"layers": [3]}, r"layers with 3; expected layers from 0 to 2, or from -3 to -1"),
        ("vit", {"layers": [-4]}, "layers with -4"),
        ("vit", {"layers": [1], "output": "pooled"}, "layers with the output pooled"),
        ("swin", {"layers": [0, -1]}, "layers of 8 and 16 numbers"),
    ],
)
def test_an_output_that_the_model_does_not_have_is_a_problem(name, changes, reason, folders):
    refused(reason, folders(name), **changes)

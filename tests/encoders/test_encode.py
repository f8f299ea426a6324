"""Encoding one clip: every encoder gives a vector of every frame."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_corpus
import torch
from clips import clip
from encoder_settings import encoders

from rjcma import store
from rjcma.encoders import backbones, inputs
from rjcma.encoders.encode import PreparedEncoder, encode_clip, side_by_side
from rjcma.problem import Problem

ANNA, BERT = (clip(name, tiny_corpus.FRAMES[name]) for name in ("anna", "bert"))
FEATURES = {"visual": "faces", "audio": "logmel"}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(folder)
    return folder


@pytest.fixture
def no_gpu(monkeypatch):
    """Make torch report no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def rows(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return np.asarray(file["rows"])


def encoded(root: Path, clip, path: Path, modality="visual", seed=1, **changes) -> np.ndarray:
    """A clip's vectors, as stored in the file."""
    prepared = PreparedEncoder(modality, encoders(**changes), seed)
    prepared.write(root / FEATURES[modality], clip, path)
    return rows(path)


def expected_input(root: Path, modality: str, clip) -> torch.Tensor:
    """The encoder's expected input: every frame's value, faces cropped at the centre."""
    values = inputs.reader(root / FEATURES[modality], clip, modality).read(0, clip.frames)
    if modality == "audio":
        return torch.from_numpy(values)
    assert values.shape[1:] == (48, 48, 3)
    scaled = values[:, 4:44, 4:44].astype(np.float32) / 127.5 - 1
    return torch.from_numpy(scaled.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    "modality, kind, clip, width",
    [
        ("visual", "compact", ANNA, 64),
        ("visual", "ir_resnet50", BERT, 512),
        ("audio", "compact", ANNA, 64),
        ("audio", "vggish", BERT, 128),
    ],
)
def test_vectors_are_the_encoders_of_each_frame_in_order(
    modality, kind, clip, width, root, tmp_path
):
    chosen = {modality: {"kind": kind}}
    found = encoded(root, clip, tmp_path / "out.h5", modality, batch=3, **chosen)
    torch.manual_seed(1)
    encoder = backbones.build(modality, getattr(encoders(**chosen), modality))
    with torch.inference_mode():
        expected = encoder.eval()(expected_input(root, modality, clip)).numpy()
    assert found.shape == (clip.frames, width) and found.dtype == np.float32
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize("modality", ["visual", "audio"])
def test_the_batch_changes_vectors_by_rounding_only(modality, root, tmp_path):
    single, several, all_at_once = (
        encoded(root, ANNA, tmp_path / f"{n}.h5", modality, batch=n) for n in (1, 11, 256)
    )
    np.testing.assert_allclose(single, all_at_once, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(several, all_at_once, rtol=1e-4, atol=1e-5)


def test_random_weights_depend_on_the_seed_only(root, tmp_path):
    one, again, other = (
        encoded(root, ANNA, tmp_path / f"{n}.h5", seed=seed) for n, seed in enumerate((1, 1, 2))
    )
    assert np.array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3


def test_a_black_frame_has_the_vector_of_a_black_face(root, tmp_path):
    prepared = PreparedEncoder("visual", encoders(), 1)
    prepared.write(root / "faces", ANNA, tmp_path / "anna.h5")
    found = rows(tmp_path / "anna.h5")
    with torch.inference_mode():
        black = prepared.encoder(torch.full((1, 3, 40, 40), -1.0)).numpy()[0]
    np.testing.assert_allclose(found[3], black, rtol=1e-4, atol=1e-5)
    assert np.abs(found[4] - black).max() > 1e-3


def test_half_precision_is_near_and_written_as_float32(root, tmp_path):
    exact = encoded(root, ANNA, tmp_path / "exact.h5", "audio")
    half = encoded(root, ANNA, tmp_path / "half.h5", "audio", precision="bf16")
    assert half.dtype == np.float32
    assert 0 < np.linalg.norm(half - exact) < 0.05 * np.linalg.norm(exact)


def test_without_a_gpu_auto_is_the_cpu_and_clips_do_not_wait_for_one_another(no_gpu):
    prepared = PreparedEncoder("visual", encoders(device="auto"), 1)
    assert prepared.device == torch.device("cpu")
    assert isinstance(prepared.turn(), nullcontext)
    before = torch.get_num_threads()
    with side_by_side("visual", encoders(device="auto"), 1, Path("faces")):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_auto_gives_what_the_cpu_does_where_there_is_no_gpu(root, tmp_path, no_gpu):
    vectors = [encoded(root, ANNA, tmp_path / f"{d}.h5", device=d) for d in ("auto", "cpu")]
    assert np.array_equal(*vectors)


def test_a_missing_device_is_a_problem(tmp_path):
    settings = encoders(device="cuda:97")
    expected = (
        r"^encoders\.device: found cuda:97 .*expected auto, cpu.*set encoders\.device to auto"
    )
    with pytest.raises(Problem, match=expected):
        PreparedEncoder("visual", settings, 1)
    with pytest.raises(Problem, match=expected):
        side_by_side("visual", settings, 1, tmp_path)


def test_an_encoder_is_built_once_for_many_clips(root, tmp_path, monkeypatch):
    built = []
    build = backbones.build
    monkeypatch.setattr(backbones, "build", lambda *a: built.append(a) or build(*a))
    settings = encoders(batch=13)  # unlike in other tests
    for each in (ANNA, BERT):
        encode_clip("visual", settings, 5, root / "faces", each, tmp_path / f"{each.name}.h5")
    assert built == [("visual", settings.visual)]
    assert len(rows(tmp_path / "anna.h5")) == ANNA.frames
    assert len(rows(tmp_path / "bert.h5")) == BERT.frames


@pytest.mark.parametrize("shape", [(31, 39, 48, 3), (31, 32, 32, 3), (31, 48, 48, 1)])
def test_faces_of_another_size_are_refused(shape, tmp_path):
    (tmp_path / "faces").mkdir()
    store.write(tmp_path / "faces" / "anna.h5", np.zeros(shape, np.uint8))
    expected = rf"clip anna: .*found values of shape \({shape[1]}, .*crops of at least 40 .*faces"
    with pytest.raises(Problem, match=expected):
        encoded(tmp_path, ANNA, tmp_path / "out.h5")


def test_log_mel_rows_of_another_width_are_refused(tmp_path):
    (tmp_path / "logmel").mkdir()
    store.write(tmp_path / "logmel" / "anna.h5", np.zeros((200, 40), np.float32), np.arange(31) * 3)
    with pytest.raises(Problem, match=r"clip anna: .*found values of shape \(96, 40\)"):
        encoded(tmp_path, ANNA, tmp_path / "out.h5", "audio")

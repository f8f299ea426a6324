"""Stage encode: vectors of every frame, once, by any encoder."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_corpus
import torch

from rjcma import store
from rjcma.encoders import backbones
from rjcma.encoders.encode import Encoding
from rjcma.encoders.settings import MODES, Encoders
from rjcma.problem import Problem, Problems
from rjcma.training import clip_data as sources
from rjcma.vision import augmentation as views

CLIPS = [tiny_corpus.clip(name, frames) for name, frames in tiny_corpus.FRAMES.items()]
ANNA, BERT = CLIPS[0], CLIPS[1]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(folder)
    return folder


def settings(**changes) -> Encoders:
    keys = {"mode": "precompute", **MODES["precompute"], "device": "cpu", **changes}
    return Encoders(**keys)


def encoding(root: Path, modality="visual", **changes) -> Encoding:
    folder = root / {"visual": "faces", "audio": "logmel"}[modality]
    return Encoding(modality, settings(**changes), 1, folder)


def rows(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return np.asarray(file["rows"])


def written(work: Encoding, clip, path: Path) -> np.ndarray:
    work.write(clip, path)
    return rows(path)


def seen(root: Path, modality: str, clip) -> torch.Tensor:
    """What the encoder should be given: every frame's value, faces cut from the centre."""
    feature = {"visual": "faces", "audio": "logmel"}[modality]
    values = sources.track(root / feature, clip, feature).read(0, clip.frames)
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
    work = encoding(root, modality, **{modality: {"kind": kind}}, batch=3)
    found = written(work, clip, tmp_path / "out.h5")
    torch.manual_seed(1)
    encoder = backbones.build(modality, getattr(settings(**{modality: {"kind": kind}}), modality))
    with torch.inference_mode():
        expected = encoder.eval()(seen(root, modality, clip)).numpy()
    assert found.shape == (clip.frames, width) and found.dtype == np.float32
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize("modality", ["visual", "audio"])
def test_the_batch_changes_vectors_by_rounding_only(modality, root, tmp_path):
    one, some, all_at_once = (
        written(encoding(root, modality, batch=n), ANNA, tmp_path / f"{n}.h5") for n in (1, 11, 256)
    )
    np.testing.assert_allclose(one, all_at_once, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(some, all_at_once, rtol=1e-4, atol=1e-5)


def test_a_black_frame_has_the_vector_of_a_black_face(root, tmp_path):
    work = encoding(root)
    found = written(work, ANNA, tmp_path / "anna.h5")
    with torch.inference_mode():
        black = work.encoder(torch.full((1, 3, 40, 40), -1.0)).numpy()[0]
    np.testing.assert_allclose(found[3], black, rtol=1e-4, atol=1e-5)
    assert np.abs(found[4] - black).max() > 1e-3


def test_half_precision_is_near_and_written_as_float32(root, tmp_path):
    exact = written(encoding(root, "audio"), ANNA, tmp_path / "exact.h5")
    half = written(encoding(root, "audio", precision="bf16"), ANNA, tmp_path / "half.h5")
    assert half.dtype == np.float32
    assert 0 < np.linalg.norm(half - exact) < 0.05 * np.linalg.norm(exact)


def test_the_key_holds_weights_kind_and_precision_and_not_batch_or_device(root):
    same = [encoding(root).identity, encoding(root, batch=3).identity]
    others = [
        encoding(root, precision="bf16").identity,
        Encoding("visual", settings(), 2, root / "faces").identity,
        encoding(root, "audio").identity,
        encoding(root, visual={"kind": "ir_resnet50"}).identity,
    ]
    assert same[0] == same[1] == encoding(root, device="auto", precision="fp32").identity
    assert len({same[0], *others}) == 5


def test_what_stands_is_kept_and_another_encoder_makes_it_anew(root, tmp_path):
    out = tmp_path / "out"
    encoding(root).run(CLIPS, out)
    before = {path.name: path.stat().st_ino for path in out.glob("*.h5")}
    assert before.keys() == {f"{clip.name}.h5" for clip in CLIPS}
    encoding(root, batch=7).run(CLIPS, out)
    assert {path.name: path.stat().st_ino for path in out.glob("*.h5")} == before
    first = rows(out / "anna.h5")
    Encoding("visual", settings(), 2, root / "faces").run(CLIPS, out)
    assert np.abs(rows(out / "anna.h5") - first).max() > 1e-3


def test_clips_done_side_by_side_have_a_core_each(root, tmp_path, monkeypatch):
    threads = []
    original = views.faces
    monkeypatch.setattr(
        views, "faces", lambda *a: threads.append(torch.get_num_threads()) or original(*a)
    )
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        encoding(root).run(CLIPS, tmp_path / "out")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {1}


@pytest.mark.parametrize("shape", [(31, 39, 48, 3), (31, 32, 32, 3), (31, 48, 48, 1)])
def test_faces_of_another_size_are_refused(shape, tmp_path):
    (tmp_path / "faces").mkdir()
    store.write(tmp_path / "faces" / "anna.h5", np.zeros(shape, np.uint8))
    with pytest.raises(Problem, match=rf"clip anna: .*found values of shape \({shape[1]}, .*faces"):
        encoding(tmp_path).write(ANNA, tmp_path / "out.h5")


def test_log_mel_rows_of_another_width_are_refused(tmp_path):
    (tmp_path / "logmel").mkdir()
    store.write(tmp_path / "logmel" / "anna.h5", np.zeros((200, 40), np.float32), np.arange(31) * 3)
    with pytest.raises(Problem, match=r"clip anna: .*found values of shape \(96, 40\)"):
        encoding(tmp_path, "audio").write(ANNA, tmp_path / "out.h5")


def test_a_value_that_is_not_finite_is_its_clips_problem(root, tmp_path):
    folder = tmp_path / "logmel"
    folder.mkdir()
    for clip in (ANNA, BERT):
        values = np.zeros((clip.frames * 3 + 96, 64), np.float32)
        values[50] = np.nan if clip is ANNA else 1
        store.write(folder / f"{clip.name}.h5", values, np.arange(clip.frames) * 3)
    with pytest.raises(Problems, match=r"clip anna: .*not finite, computed in fp32") as caught:
        encoding(tmp_path, "audio").run([ANNA, BERT], tmp_path / "out")
    assert len(caught.value.problems) == 1
    assert {path.name for path in (tmp_path / "out").glob("*.h5")} == {"bert.h5"}


def test_the_two_modes_accept_the_papers_encoders():
    for mode in MODES:
        chosen = Encoders(
            mode=mode, **MODES[mode], visual={"kind": "ir_resnet50"}, audio={"kind": "vggish"}
        )
        assert (chosen.visual.kind, chosen.audio.kind) == ("ir_resnet50", "vggish")


@pytest.mark.parametrize("modality, kind", [("visual", "vggish"), ("audio", "ir_resnet50")])
def test_an_encoder_of_the_other_modality_is_refused(modality, kind):
    with pytest.raises(ValueError, match="compact"):
        Encoders(**{modality: {"kind": kind}})

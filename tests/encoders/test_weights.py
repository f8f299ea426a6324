"""Weights from files: those that fit, and all the ways in which a file may not fit."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from encoder_settings import chosen
from safetensors.torch import save_file
from torch import nn

from rjcma.encoders import backbones, weights
from rjcma.encoders.ir_resnet50 import IRResNet50
from rjcma.problem import Problem


class Small(nn.Module):
    """A small encoder with the relevant layers, fast to build."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, bias=False)
        self.norm = nn.BatchNorm2d(5)


@pytest.fixture
def stored() -> dict[str, torch.Tensor]:
    torch.manual_seed(11)
    state = Small().state_dict()
    return {key: torch.rand_like(value.float()).to(value.dtype) for key, value in state.items()}


def loaded(path: Path, modality: str = "visual") -> dict[str, torch.Tensor]:
    small = Small()
    weights.load(small, modality, path)
    return small.state_dict()


def refusal(path: Path) -> str:
    """The `found` of the problem, in one line, of a file that is refused."""
    with pytest.raises(Problem) as caught:
        loaded(path)
    message = str(caught.value)
    assert str(path) in message and "encoders.visual.weights" in message
    assert "\n" not in message
    return caught.value.found


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(expected)
    for key in expected:
        torch.testing.assert_close(found[key], expected[key], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["plain.pth", "plain.pt", "PLAIN.PTH"])
def test_a_file_of_torch_is_loaded(tmp_path, stored, name):
    torch.save(stored, tmp_path / name)
    assert_same(loaded(tmp_path / name), stored)


def test_a_file_of_torch_in_its_old_format_is_loaded(tmp_path, stored):
    torch.save(stored, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert_same(loaded(tmp_path / "old.pth"), stored)


def test_a_safetensors_file_is_loaded(tmp_path, stored, capsys):
    save_file(stored, tmp_path / "plain.safetensors")
    assert_same(loaded(tmp_path / "plain.safetensors"), stored)
    assert capsys.readouterr().err == ""


def test_a_classifiers_backbone_is_loaded_and_its_logits_are_left_out(tmp_path, stored, capsys):
    classifier = {f"backbone.{key}": value for key, value in stored.items()}
    classifier |= {"logits.weight": torch.ones(8, 5), "logits.bias": torch.ones(8)}
    torch.save(classifier, tmp_path / "fer.pth")
    assert_same(loaded(tmp_path / "fer.pth"), stored)
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "fer.pth" in message
    assert "logits.weight, logits.bias" in message


def test_a_runs_weights_give_the_modalitys_encoder(tmp_path, stored):
    run = {f"encoders.visual.{key}": value for key, value in stored.items()}
    run |= {"encoders.audio.layers.0.weight": torch.ones(2), "head.weight": torch.ones(3)}
    save_file(run, tmp_path / "weights.safetensors")
    assert_same(loaded(tmp_path / "weights.safetensors"), stored)


def test_a_file_may_lack_the_counters_of_batch_norms(tmp_path, stored):
    assert stored.pop("norm.num_batches_tracked") is not None
    torch.save(stored, tmp_path / "old.pth")
    found = loaded(tmp_path / "old.pth")
    assert found.pop("norm.num_batches_tracked") == 0
    assert_same(found, stored)


def test_half_precision_weights_become_float32(tmp_path, stored):
    torch.save({key: value.half() for key, value in stored.items()}, tmp_path / "half.pth")
    found = loaded(tmp_path / "half.pth")["conv.weight"]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, stored["conv.weight"], rtol=1e-3, atol=1e-3)


def test_weights_that_are_missing_or_unknown_are_named(tmp_path, stored):
    stored["convolution.weight"] = stored.pop("conv.weight")
    torch.save(stored, tmp_path / "other.pth")
    assert refusal(tmp_path / "other.pth") == (
        "weights missing: conv.weight (1); weights unknown: convolution.weight (1)"
    )


def test_weights_of_another_shape_are_named_with_both_shapes(tmp_path, stored):
    stored["conv.weight"] = torch.ones(7, 3, 3, 3)
    torch.save(stored, tmp_path / "wide.pth")
    expected = "conv.weight (7, 3, 3, 3) instead of (5, 3, 3, 3)"
    assert expected in refusal(tmp_path / "wide.pth")


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_finite_are_named(tmp_path, stored, value):
    stored["norm.running_mean"][3] = value
    torch.save(stored, tmp_path / "spoilt.pth")
    assert "not finite: norm.running_mean (1)" in refusal(tmp_path / "spoilt.pth")


def test_refused_weights_change_nothing(tmp_path, stored):
    stored["norm.bias"] = torch.ones(2)
    torch.save(stored, tmp_path / "other.pth")
    small = Small()
    before = {key: value.clone() for key, value in small.state_dict().items()}
    with pytest.raises(Problem):
        weights.load(small, "visual", tmp_path / "other.pth")
    assert_same(small.state_dict(), before)


def test_a_long_list_of_names_is_cut_and_counted(tmp_path):
    path = tmp_path / "compact.safetensors"
    save_file(backbones.build("visual", chosen("visual")).state_dict(), path)
    with pytest.raises(Problem) as caught:
        backbones.build("visual", chosen("visual", "ir_resnet50", weights=str(path)))
    optional = [key for key in IRResNet50().state_dict() if key.endswith("num_batches_tracked")]
    assert f"… ({349 - len(optional)})" in caught.value.found
    assert "weights unknown: norm." in caught.value.found
    assert len(caught.value.found) < 500


def test_weights_of_the_other_modality_are_refused(tmp_path):
    path = tmp_path / "visual.safetensors"
    save_file(backbones.build("visual", chosen("visual")).state_dict(), path)
    with pytest.raises(Problem, match=r"encoders\.audio\.weights"):
        backbones.build("audio", chosen("audio", weights=str(path)))


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("plain_pickle", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path, stored, plain_pickle):
    path, made = tmp_path / "evil.pth", tmp_path / "made"
    evil = {**stored, "conv.weight": Malicious(made)}
    if plain_pickle:
        path.write_bytes(pickle.dumps(evil, protocol=2))
    else:
        torch.save(evil, path)
    assert "would run code when it is read (posix.mkdir)" in refusal(path)
    assert not made.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_pickle_of_any_protocol_runs(tmp_path, protocol):
    path, made = tmp_path / "evil.pt", tmp_path / "made"
    path.write_bytes(pickle.dumps(Malicious(made), protocol=protocol))
    assert refusal(path)
    assert not made.exists()


def test_the_malicious_pickle_would_run_if_it_were_let(tmp_path):
    made = tmp_path / "made"
    pickle.loads(pickle.dumps(Malicious(made)))
    assert made.is_dir()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(tmp_path, stored, suffix, kept):
    path = tmp_path / f"cut{suffix}"
    (torch.save if suffix == ".pth" else save_file)(stored, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert refusal(path)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04", b"\x80\x02}q\x00.", b"{}"])
@pytest.mark.parametrize("name", ["file.pth", "file.safetensors", "file"])
def test_a_file_that_holds_something_else_is_refused(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path, name):
    assert refusal(tmp_path / name) == "no such file"
    (tmp_path / name).mkdir()
    assert refusal(tmp_path / name) == "no such file"


@pytest.mark.parametrize(
    "content, description", [([1, 2], "list"), ({"epoch": 3}, "a table of epoch")]
)
def test_a_file_of_no_tensors_by_name_is_described(tmp_path, content, description):
    torch.save(content, tmp_path / "other.pth")
    assert description in refusal(tmp_path / "other.pth")

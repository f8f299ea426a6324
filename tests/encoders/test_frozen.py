"""Frozen layers at the beginning run in chunks; the other layers run on the whole batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rjcma.encoders import frozen
from rjcma.encoders.frozen import in_order, is_frozen
from rjcma.encoders.ir_resnet50 import IRResNet50
from rjcma.encoders.vggish import VGGish


class Recorder(nn.Module):
    """Returns its input, and records the batch size and whether gradients are enabled."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, bool]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append((len(x), torch.is_grad_enabled()))
        return x


def layers() -> nn.ModuleList:
    torch.manual_seed(3)
    return nn.ModuleList(
        [Recorder(), nn.Linear(5, 7), nn.BatchNorm1d(7), Recorder(), nn.Linear(7, 2), Recorder()]
    )


def calls(modules: nn.ModuleList) -> list[list[tuple[int, bool]]]:
    return [layer.calls for layer in modules if isinstance(layer, Recorder)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setitem(frozen.CHUNK, "cpu", 3)


def test_layers_before_the_first_trained_one_run_in_chunks_without_gradient():
    modules = layers().requires_grad_(False).eval()
    modules[4].requires_grad_(True)
    output = in_order(list(modules), torch.randn(8, 5))
    chunks = [(3, False), (3, False), (2, False)]
    assert calls(modules) == [chunks, chunks, [(8, True)]]
    output.sum().backward()
    assert modules[4].weight.grad is not None and modules[1].weight.grad is None


def test_chunks_change_neither_values_nor_gradients():
    x = torch.randn(11, 5)
    modules = layers().requires_grad_(False).eval()
    modules[4].requires_grad_(True)
    whole = nn.Sequential(*modules)(x)
    whole.square().sum().backward()
    gradient, modules[4].weight.grad = modules[4].weight.grad, None
    output = in_order(list(modules), x)
    output.square().sum().backward()
    torch.testing.assert_close(output, whole)
    torch.testing.assert_close(modules[4].weight.grad, gradient)


def test_a_batch_norm_in_training_sees_the_whole_batch():
    modules = layers().requires_grad_(False).eval()
    modules[2].train()
    in_order(list(modules), torch.randn(8, 5))
    assert calls(modules) == [[(3, False), (3, False), (2, False)], [(8, True)], [(8, True)]]
    assert modules[2].num_batches_tracked == 1


def test_there_are_no_chunks_if_all_layers_are_trained():
    modules = layers()
    in_order(list(modules), torch.randn(8, 5))
    assert calls(modules) == [[(8, True)]] * 3


def test_values_with_a_gradient_of_their_own_keep_it():
    x = torch.randn(8, 5, requires_grad=True)
    modules = layers().requires_grad_(False).eval()
    in_order(list(modules), x).sum().backward()
    assert x.grad is not None and calls(modules) == [[(8, True)]] * 3


@torch.inference_mode()
def test_in_inference_all_layers_run_in_chunks():
    modules = layers().eval()
    output = in_order(list(modules), torch.randn(8, 5))
    assert output.shape == (8, 2)
    assert calls(modules) == [[(3, False), (3, False), (2, False)]] * 3


def test_a_layer_is_frozen_only_while_no_gradient_is_needed():
    layer = nn.Linear(2, 3).eval()
    assert not is_frozen(layer)
    with torch.no_grad():
        assert is_frozen(layer)
        assert not is_frozen(layer.train())


@pytest.mark.parametrize(
    "encoder, shape, released",
    [(VGGish, (5, 96, 64), "embeddings.2"), (IRResNet50, (5, 3, 40, 40), "body.23")],
)
def test_a_released_group_of_a_backbone_gets_the_same_gradient(encoder, shape, released):
    torch.manual_seed(7)
    backbone, values = encoder().requires_grad_(False).eval(), torch.randn(shape)
    part = backbone.get_submodule(released).requires_grad_(True)
    weight = next(part.parameters())

    def gradient(chunk: int) -> torch.Tensor:
        frozen.CHUNK["cpu"] = chunk  # the fixture restores it
        weight.grad = None
        backbone(values).square().mul(torch.arange(float(backbone.width))).sum().backward()
        assert weight.grad is not None
        return weight.grad

    one, other = gradient(2), gradient(5)
    assert one.norm() > 0 and (one - other).norm() < 1e-4 * one.norm()
    assert sum(w.grad is not None for w in backbone.parameters()) == len(list(part.parameters()))


def test_no_value_before_the_released_part_is_kept():
    backbone = VGGish().requires_grad_(False).eval()
    backbone.embeddings[4].requires_grad_(True)
    kept: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        backbone(torch.randn(2, 96, 64))
    assert kept and max(kept) <= 4096 * 128

"""Layers that are not trained are run in pieces, and the rest as ever."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rjcma.encoders import frozen
from rjcma.encoders.frozen import in_order, is_frozen
from rjcma.encoders.ir_resnet50 import IRResNet50
from rjcma.encoders.vggish import VGGish


class Noted(nn.Module):
    """Passes values through, and notes how many at a time and whether for a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, bool]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append((len(x), torch.is_grad_enabled()))
        return x


def layers() -> nn.ModuleList:
    torch.manual_seed(3)
    return nn.ModuleList(
        [Noted(), nn.Linear(5, 7), nn.BatchNorm1d(7), Noted(), nn.Linear(7, 2), Noted()]
    )


def calls(some: nn.ModuleList) -> list[list[tuple[int, bool]]]:
    return [layer.calls for layer in some if isinstance(layer, Noted)]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setitem(frozen.PIECES, "cpu", 3)


def test_layers_before_the_first_trained_one_run_in_pieces_without_gradient():
    some = layers().requires_grad_(False).eval()
    some[4].requires_grad_(True)
    found = in_order(list(some), torch.randn(8, 5))
    pieces = [(3, False), (3, False), (2, False)]
    assert calls(some) == [pieces, pieces, [(8, True)]]
    found.sum().backward()
    assert some[4].weight.grad is not None and some[1].weight.grad is None


def test_pieces_change_neither_values_nor_gradients():
    x = torch.randn(11, 5)
    some = layers().requires_grad_(False).eval()
    some[4].requires_grad_(True)
    whole = nn.Sequential(*some)(x)
    whole.square().sum().backward()
    gradient, some[4].weight.grad = some[4].weight.grad, None
    found = in_order(list(some), x)
    found.square().sum().backward()
    torch.testing.assert_close(found, whole)
    torch.testing.assert_close(some[4].weight.grad, gradient)


def test_a_batch_norm_in_training_sees_the_whole_batch():
    some = layers().requires_grad_(False).eval()
    some[2].train()
    in_order(list(some), torch.randn(8, 5))
    assert calls(some) == [[(3, False), (3, False), (2, False)], [(8, True)], [(8, True)]]
    assert some[2].num_batches_tracked == 1


def test_nothing_is_cut_where_all_is_trained():
    some = layers()
    in_order(list(some), torch.randn(8, 5))
    assert calls(some) == [[(8, True)]] * 3


def test_values_with_a_gradient_of_their_own_keep_it():
    x = torch.randn(8, 5, requires_grad=True)
    some = layers().requires_grad_(False).eval()
    in_order(list(some), x).sum().backward()
    assert x.grad is not None and calls(some) == [[(8, True)]] * 3


@torch.inference_mode()
def test_in_inference_all_goes_in_pieces():
    some = layers().eval()
    found = in_order(list(some), torch.randn(8, 5))
    assert found.shape == (8, 2)
    assert calls(some) == [[(3, False), (3, False), (2, False)]] * 3


def test_a_weight_is_frozen_only_while_no_gradient_is_asked_for():
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

    def gradient(pieces: int) -> torch.Tensor:
        frozen.PIECES["cpu"] = pieces  # the fixture restores it
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

"""Encoders released group by group: which layers are trained, and which stay frozen."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rjcma.fusion.network import build
from rjcma.fusion.settings import RJCMASettings, Widths
from rjcma.training.unfreezing import Unfreezing

K = 5


class Deep(nn.Module):
    """An encoder of three layers, each with a batch norm; the last two are its groups."""

    width = 3
    groups = (("third",), ("second",))

    def __init__(self) -> None:
        super().__init__()
        for name, inputs in {"first": 7, "second": 5, "third": 5}.items():
            outputs = 3 if name == "third" else 5
            layers = nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs)
            self.add_module(name, nn.Sequential(*layers))

    def forward(self, values):
        return self.third(self.second(self.first(values)))


class Vectors(nn.Module):
    width = 2
    groups = ()

    def forward(self, values):
        return values


def network():
    torch.manual_seed(0)
    encoders = {"visual": Deep(), "text": Vectors()}
    fusion = RJCMASettings(kind="rjcma", widths=Widths(visual=3, text=2), hidden=5)
    return build(encoders, fusion, recursions=1, frames=K)


def changed_layers(unfreezing, network):
    """Layers of the visual encoder whose weights, and whose statistics, a training step changes."""
    before = {k: v.clone() for k, v in network.encoders["visual"].state_dict().items()}
    optimizer = torch.optim.Adam(network.parameters(), 0.1, weight_decay=0.01)
    unfreezing.train()
    values = {"visual": torch.randn(2 * K, 7), "text": torch.randn(2 * K, 2)}
    network(values, torch.ones(2, K, dtype=torch.bool)).square().sum().backward()
    optimizer.step()
    after = network.encoders["visual"].state_dict()
    moved = {k for k, v in after.items() if not torch.equal(v, before[k])}
    return (
        {name.split(".")[0] for name in moved if name.endswith(("weight", "bias"))},
        {name.split(".")[0] for name in moved if "running" in name},
    )


@pytest.mark.parametrize(
    ("released", "layers"), [(0, set()), (1, {"third"}), (2, {"third", "second"})]
)
def test_only_released_groups_learn_and_change_their_statistics(released, layers):
    net = network()
    unfreezing = Unfreezing(net)
    unfreezing.release(released)
    assert changed_layers(unfreezing, net) == (layers, layers)


def test_an_encoder_with_random_weights_finally_releases_modules_in_no_group():
    net = network()
    unfreezing = Unfreezing(net, scratch=["visual"])
    assert unfreezing.groups == 3
    unfreezing.release(2)
    assert changed_layers(unfreezing, net) == ({"third", "second"},) * 2
    unfreezing.release(3)
    assert changed_layers(unfreezing, net) == ({"third", "second", "first"},) * 2


def test_the_number_of_groups_is_the_largest_of_any_encoder():
    assert Unfreezing(network()).groups == 2


def test_everything_except_encoders_is_trained_from_the_start():
    net = network()
    Unfreezing(net).release(0)
    trained = {name.split(".")[0] for name, w in net.named_parameters() if w.requires_grad}
    assert trained == {"tcns", "fusion", "head"}


def test_a_group_may_be_frozen_again():
    net = network()
    unfreezing = Unfreezing(net)
    unfreezing.release(2)
    unfreezing.release(1)
    assert changed_layers(unfreezing, net) == ({"third"},) * 2

"""Encoders that are fine-tuned group by group (paper, section 4.2.2).

Released means trained (unfrozen). An encoder lists its groups of modules in the order of their
release; the modules of a group are released together. Modules that are not released stay frozen: no
gradient, no dropout, and fixed batch norm statistics. If an encoder starts from random weights, the
modules that are in no group are released last, as one more group (ours).
"""

from __future__ import annotations

from collections.abc import Collection

from torch import nn

from rjcma.fusion.network import Network


class Unfreezing:
    """The groups of a network's encoders; `scratch` lists encoders with random initial weights."""

    def __init__(self, network: Network, scratch: Collection[str] = ()) -> None:
        self.network = network
        self.by_encoder = {m: _groups(network.encoders[m], m in scratch) for m in network.encoders}
        self.released = 0

    @property
    def groups(self) -> int:
        """The largest number of groups of any encoder."""
        return max((len(groups) for groups in self.by_encoder.values()), default=0)

    def release(self, count: int) -> None:
        """Release the first `count` groups of each encoder (at most all), and freeze the rest."""
        self.released = count
        for m, groups in self.by_encoder.items():
            self.network.encoders[m].requires_grad_(False)
            for group in groups[:count]:
                for module in group:
                    module.requires_grad_(True)

    def train(self) -> None:
        """Put the network in training mode, except for modules that are not released."""
        self.network.train()
        for m, groups in self.by_encoder.items():
            self.network.encoders[m].eval()
            for group in groups[: self.released]:
                for module in group:
                    module.train()


def _groups(encoder: nn.Module, scratch: bool) -> list[list[nn.Module]]:
    """An encoder's groups, as modules."""
    names: tuple[tuple[str, ...], ...] = getattr(encoder, "groups", ())
    groups = [[encoder.get_submodule(name) for name in group] for group in names]
    if scratch:
        grouped = {id(p) for group in groups for module in group for p in module.parameters()}
        if rest := _ungrouped(encoder, grouped):
            groups.append(rest)
    return groups


def _ungrouped(module: nn.Module, grouped: set[int]) -> list[nn.Module]:
    """The largest submodules that have parameters, none of which is in a group."""
    own = {id(parameter) for parameter in module.parameters()}
    if not own or not own & grouped:
        return [module] if own else []
    return [part for child in module.children() for part in _ungrouped(child, grouped)]

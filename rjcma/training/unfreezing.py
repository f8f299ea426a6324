"""Encoders that are fine-tuned group by group (paper, section 4.2.2).

An encoder names its groups, those of its modules that are released together, in order. What is not
released yet stays as it was loaded: no gradient, no dropout, and the statistics of its batch norms
fixed. An encoder that starts from random weights has nothing worth keeping: all that is in none of
its groups is released last, as one more group (ours).
"""

from __future__ import annotations

from collections.abc import Collection

from torch import nn

from rjcma.fusion.network import Network


class Unfreezing:
    """The groups of a network's encoders; `scratch` names those that start from random weights."""

    def __init__(self, network: Network, scratch: Collection[str] = ()) -> None:
        self.network = network
        self.steps = {m: _steps(network.encoders[m], m in scratch) for m in network.encoders}
        self.released = 0

    @property
    def groups(self) -> int:
        """The most groups that any encoder has."""
        return max((len(steps) for steps in self.steps.values()), default=0)

    def to(self, released: int) -> None:
        """Let this many groups of each encoder be trained; each as many as it has."""
        self.released = released
        for m, steps in self.steps.items():
            self.network.encoders[m].requires_grad_(False)
            for group in steps[:released]:
                for part in group:
                    part.requires_grad_(True)

    def train(self) -> None:
        """Put the network in training mode, but for what is not released."""
        self.network.train()
        for m, steps in self.steps.items():
            self.network.encoders[m].eval()
            for group in steps[: self.released]:
                for part in group:
                    part.train()


def _steps(encoder: nn.Module, scratch: bool) -> list[list[nn.Module]]:
    """An encoder's groups, as modules."""
    names: tuple[tuple[str, ...], ...] = getattr(encoder, "groups", ())
    steps = [[encoder.get_submodule(name) for name in group] for group in names]
    if scratch:
        grouped = {id(p) for group in steps for part in group for p in part.parameters()}
        if rest := _holding_none_of(encoder, grouped):
            steps.append(rest)
    return steps


def _holding_none_of(module: nn.Module, taken: set[int]) -> list[nn.Module]:
    """The largest parts of a module that have parameters, and none of those taken."""
    own = {id(parameter) for parameter in module.parameters()}
    if not own or not own & taken:
        return [module] if own else []
    return [part for child in module.children() for part in _holding_none_of(child, taken)]

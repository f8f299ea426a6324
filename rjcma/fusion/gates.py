"""Gates over the states of a recursion: how much of each recursion a frame keeps.

    here      shape        what it is
    X_0       (B, d, K)    a modality's features, as the first recursion receives them
    X_1..X_l  (B, d, K)    its features after each recursion
    g         (B, n, K)    the shares of n states in a frame; they add up to 1
    W         (n, d)       the weights of a gate, with a bias

The formulas are those of the code that the successors of RJCMA released, of gated (GRJCA), dynamic
(DCA) and hierarchically gated recursion (HGRJCA). They are written there for two recursions, or one
in DCA; here they stand for any number l (ours), and are the same at theirs. Each modality has gates
of its own. A frame is gated by its own features only, and a padded frame, whose states are zero,
stays zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from rjcma.fusion.products import PerFrame

TEMPERATURE = 0.1
"""The divisor of the scores of states (the successors' code)."""


class Gate(nn.Module):
    """A gate over n states of d features: ReLU(g_1 S_1 + ... + g_n S_n)."""

    def __init__(self, width: int, states: int) -> None:
        super().__init__()
        self.scores = PerFrame(width, states)

    def forward(self, states: Sequence[Tensor], x: Tensor) -> Tensor:
        """The states (B, d, K), mixed by g = softmax((W x + b) / 0.1), with x (B, d, K)."""
        shares = torch.softmax(self.scores(x) / TEMPERATURE, dim=1).split(1, dim=1)
        parts = [share * state for share, state in zip(shares, states, strict=True)]
        return torch.relu(torch.stack(parts).sum(0))


class DynamicGate(nn.Module):
    """X_0 or X_l: g = softmax(W X_l / 0.1), out = ReLU(g_0 X_0 + g_1 X_l)."""

    def __init__(self, width: int, recursions: int) -> None:
        super().__init__()
        self.gate = Gate(width, 2)

    def forward(self, states: Sequence[Tensor]) -> Tensor:
        """Gated features (B, d, K), from the states X_0 to X_l."""
        return self.gate([states[0], states[-1]], states[-1])


class StatesGate(nn.Module):
    """All states: g = softmax(W X_l / 0.1), out = ReLU(g_0 X_0 + ... + g_l X_l)."""

    def __init__(self, width: int, recursions: int) -> None:
        super().__init__()
        self.gate = Gate(width, recursions + 1)

    def forward(self, states: Sequence[Tensor]) -> Tensor:
        """Gated features (B, d, K), from the states X_0 to X_l."""
        return self.gate(states, states[-1])


class HierarchicalGate(nn.Module):
    """A gate over the states up to each recursion, and one over what these give.

    S_i = ReLU(softmax(W_i X_i / 0.1) . [X_0, ..., X_i]) for i = 1 to l, and
    out = ReLU(softmax(W_s X_l / 0.1) . [S_1, ..., S_l]).

    With one recursion there is nothing to choose from: out = S_1, and there is no W_s.
    """

    def __init__(self, width: int, recursions: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList([Gate(width, i + 1) for i in range(1, recursions + 1)])
        self.last = Gate(width, recursions) if recursions > 1 else None

    def forward(self, states: Sequence[Tensor]) -> Tensor:
        """Gated features (B, d, K), from the states X_0 to X_l."""
        gated = [gate(states[: i + 1], states[i]) for i, gate in enumerate(self.gates, start=1)]
        return gated[-1] if self.last is None else self.last(gated, states[-1])


class ModalityGates(nn.Module):
    """A gate of the given class for each modality, then concatenation."""

    def __init__(self, gate: type[nn.Module], widths: Mapping[str, int], recursions: int) -> None:
        super().__init__()
        self.of = nn.ModuleDict({m: gate(width, recursions) for m, width in widths.items()})

    def forward(self, states: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """Gated features (B, d, K) of all modalities; a state is each modality's (B, d_m, K)."""
        gated = [self.of[m]([state[m] for state in states]) for m in states[0]]
        return torch.cat(gated, dim=1)

"""The paper's recursions (equations 1 to 13) with gates over their states, instead of the last one.

The recursions are those of `rjcma.py`, and the gates those of `gates.py`; nothing else differs from
`rjcma.py`, so that a comparison of the two tells about the gates.

Read in the successors' code: the gates, for two recursions, of face and voice. Reconstructed
(ours): gates on the paper's equations (that code has the formula of `released.py`, and
`gated_released.py` follows it), another number of recursions, and a gate for the words, which that
code leaves out. That code also divides the first features by their L2 norm. Here this is left out:
with features of norm 1 the correlations of equations 2 to 4 are ten to a hundred times smaller
(measured on the sample), and the attention does next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from rjcma.fusion.gates import DynamicGate, HierarchicalGate, ModalityGates, StatesGate
from rjcma.fusion.module import masked, require_frames
from rjcma.fusion.rjcma import RJCMA


class WithGates(RJCMA):
    """The attention applied `recursions` times, gates over all states, then concatenation."""

    gate: ClassVar[type[nn.Module]]

    def __init__(self, widths: Mapping[str, int], frames: int, recursions: int) -> None:
        super().__init__(widths, frames, recursions)
        self.gates = ModalityGates(self.gate, widths, recursions)

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """The multimodal representation (B, d, K), from each modality's features (B, d_m, K).

        `valid` (B, K) is false for padded frames. Raises `ValueError` unless the windows have the
        length that the module was built for.
        """
        require_frames(valid, self.frames)
        mask = valid[:, None].to(next(iter(x.values())).dtype)
        states = [masked(x, valid)]
        for attention in self.recursions:
            states.append(attention(states[-1], mask))
        fused: Tensor = self.gates(states)
        return fused


class Dynamic(WithGates):
    """Each frame keeps a share of X_0 and one of X_l (DCA)."""

    gate = DynamicGate


class Gated(WithGates):
    """Each frame keeps a share of every state (GRJCA)."""

    gate = StatesGate


class Hierarchical(WithGates):
    """Gates after every recursion, and one over these (HGRJCA)."""

    gate = HierarchicalGate

"""The released code's recursions with gates over their states, as the successors' code has them.

The layers are those of `released.py`, and the gates those of `gates.py`. As in the successors'
code, the first layer receives each modality's features divided by their L2 norm.

Read in that code: two layers, for face and voice. Reconstructed (ours): another number of layers,
and a gate for the words, which that code leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from rjcma.fusion.gates import DynamicGate, HierarchicalGate, ModalityGates, StatesGate
from rjcma.fusion.module import masked, require_frames
from rjcma.fusion.released import Released

SMALLEST = 1e-6
"""The norm below which features are not scaled up to norm 1 (ours): their gradient is bounded."""


class WithGates(Released):
    """The layers one after another, gates over all states, then concatenation."""

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
        first = normalised(masked(x, valid))
        rows = [{m: values.mT.contiguous() for m, values in first.items()}]
        mask = valid[:, :, None].to(next(iter(x.values())).dtype)
        for layer in self.layers:
            rows.append(layer(rows[-1], mask))
        states = [{m: values.mT for m, values in state.items()} for state in rows]
        fused: Tensor = self.gates(states)
        return fused


class Dynamic(WithGates):
    """Each frame keeps a share of X_0 and one of X_l (DCA)."""

    gate = DynamicGate


class Gated(WithGates):
    """Each frame keeps a share of every state (GRJCA)."""

    gate = StatesGate


class Hierarchical(WithGates):
    """Gates after every layer, and one over these (HGRJCA)."""

    gate = HierarchicalGate


def normalised(x: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """X_0: each modality's features (B, d_m, K), each frame divided by its L2 norm."""
    return {m: F.normalize(values, dim=1, eps=SMALLEST) for m, values in x.items()}

"""The joint cross-correlation C_m of each recursion (equations 2 to 4), of a network that works.

`rjcma.py` computes C_m and uses it up. Here it is computed once more, from what each recursion
received and with its weights, so that the fusion itself, and the keys of trained runs, stay as they
are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rjcma.fusion.products import per_frame
from rjcma.fusion.rjcma import RJCMA, JointCrossAttention

Correlations = list[dict[str, Tensor]]
"""By recursion and modality, C_m (B, K, K): frames of X_m by frames of J, in -1 to 1; 0 where a
frame is padded."""


def has_correlations(fusion: nn.Module) -> bool:
    """Whether this kind of fusion correlates frames with frames; only the paper's does."""
    return isinstance(fusion, RJCMA)


def correlations(
    attention: JointCrossAttention, x: Mapping[str, Tensor], valid: Tensor
) -> dict[str, Tensor]:
    """C_m (B, K, K) of one recursion, by modality, from the features X_m (B, d_m, K) it receives.

    `valid` (B, 1, K) is 0 or 1.
    """
    j = attention.fc(torch.cat(list(x.values()), dim=1)) * valid  # (1)
    weights = {m: attention.w_j[m] / math.sqrt(attention.d) for m in x}
    return {m: torch.tanh(x[m].mT @ per_frame(weights[m], j)) for m in x}  # (2) (3) (4)


@contextmanager
def recorded(fusion: RJCMA) -> Iterator[Correlations]:
    """A list that holds, after each forward pass of the fusion, the correlations of that pass."""
    latest: Correlations = []
    last = len(fusion.recursions)

    def record(attention: nn.Module, received: tuple[Any, ...]) -> None:
        assert isinstance(attention, JointCrossAttention)
        if len(latest) == last:  # a new pass begins
            latest.clear()
        latest.append(correlations(attention, *received))

    hooks = [step.register_forward_pre_hook(record) for step in fusion.recursions]
    try:
        yield latest
    finally:
        for hook in hooks:
            hook.remove()

"""Values from rows and an index on whatever device they are; `rjcma.store.gather` does so on disk's
arrays."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gather(rows: Tensor, index: Tensor, span: int) -> Tensor:
    """Values of rows (R, ...) by the first row of each, (N,).

    (N, ...) or, with a span, (N, span, ...); zeros where the index is -1.
    """
    shape = rows.shape[1:] if span == 1 else (span, *rows.shape[1:])
    width = math.prod(rows.shape[1:])
    nothing = rows.new_zeros(span, *rows.shape[1:])  # what an absent value is gathered from
    runs = torch.cat([rows, nothing]).view(-1).unfold(0, span * width, width)
    at = torch.where(index < 0, len(rows), index)
    return runs.index_select(0, at).view(-1, *shape)

"""Frames' values from rows and index, as tensors on any device (arrays: `rjcma.store.gather`)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gather(rows: Tensor, index: Tensor, span: int) -> Tensor:
    """The values of N frames, from rows (R, ...) and the first row of each value, (N,).

    -> (N, ...) or, with a span above 1, (N, span, ...); zeros where the index is -1.
    """
    shape = rows.shape[1:] if span == 1 else (span, *rows.shape[1:])
    width = math.prod(rows.shape[1:])
    zeros = rows.new_zeros(span, *rows.shape[1:])  # for frames without a value
    spans = torch.cat([rows, zeros]).view(-1).unfold(0, span * width, width)
    first = torch.where(index < 0, len(rows), index)
    return spans.index_select(0, first).view(-1, *shape)

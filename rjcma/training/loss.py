"""The loss, 1 - CCC of a window's predictions: equations 15 and 16 of the paper."""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-8  # keeps the quotient finite if predictions and truth are constant and equal (ours)


def concordance_losses(prediction: Tensor, truth: Tensor) -> Tensor:
    """1 - CCC over each window's labelled frames, (B,).

    `prediction` and `truth` are (B, K). Frames with NaN in `truth`, unlabelled or padded, do not
    count. Each window must have a labelled frame. A window of constant truth has a CCC of 0.
    """
    labelled = ~truth.isnan()
    count = labelled.sum(1, keepdim=True)
    y = truth.where(labelled, torch.zeros_like(truth))
    x = prediction.where(labelled, torch.zeros_like(prediction))
    x_mean, y_mean = x.sum(1, keepdim=True) / count, y.sum(1, keepdim=True) / count
    dx, dy = (x - x_mean) * labelled, (y - y_mean) * labelled

    def mean(values: Tensor) -> Tensor:
        return values.sum(1) / count.squeeze(1)

    distance = (x_mean - y_mean).squeeze(1).square()
    spread = mean(dx.square()) + mean(dy.square()) + distance
    ccc = 2 * mean(dx * dy) / (spread + EPSILON)  # (15)
    return 1 - ccc  # (16)

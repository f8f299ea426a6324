"""The norm of a speech model's first convolution, with statistics of all the sound.

wav2vec 2 and its kin of base size normalise each channel of their first convolution over time. In a
chunk these statistics would be the chunk's, and the same second of sound would have other states in
another chunk. Here they are those of the whole sound, as if it were read in one pass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rjcma.wav import RATE

BLOCK = 60 * RATE
"""Samples that are read at a time (ours)."""

Read = Callable[[int, int], Tensor]
"""Gives samples from the first number to the second, (1, n), on the model's device."""


class Statistics(NamedTuple):
    """Of each channel, over all the sound, (C,) float64."""

    mean: Tensor
    deviation: Tensor


class WholeNorm(nn.Module):
    """Takes the place of a group norm with a group for each channel, after the convolution `conv`.

    What it has measured of a sound is given to it by `use` before parts of this sound are read.
    Each thread has what it uses, so that threads can share a model.
    """

    def __init__(self, conv: nn.Conv1d, norm: nn.GroupNorm) -> None:
        super().__init__()
        assert norm.num_groups == norm.num_channels
        self.norm = norm
        self._conv = [conv]  # in a list, so that it is no module of this one
        self._own = threading.local()

    def measure(self, read: Read, samples: int) -> Statistics:
        """Measure so many samples, in blocks.

        The convolution makes w x of each window x of samples. So its mean over time is w times the
        windows' mean, and the mean of its square is w R w, R the mean of their products.
        """
        (conv,) = self._conv
        step, width = conv.stride[0], conv.kernel_size[0]
        count = (samples - width) // step + 1
        total = torch.zeros(width, dtype=torch.float64)
        products = torch.zeros(width, width, dtype=torch.float64)
        for first in range(0, count, BLOCK // step):
            beyond = min(first + BLOCK // step, count)
            part = read(first * step, (beyond - 1) * step + width)[0].cpu().double()
            windows = part.unfold(0, width, step)  # (windows, width)
            total += windows.sum(0)
            products += windows.mT @ windows
        weights = conv.weight[:, 0].cpu().double()
        mean = weights @ total / count
        variance = (weights @ products / count * weights).sum(1) - mean**2
        deviation = variance.clamp(min=0).add(self.norm.eps).sqrt()
        return Statistics(mean if conv.bias is None else mean + conv.bias.cpu().double(), deviation)

    def use(self, statistics: Statistics) -> None:
        """Normalise by these what this thread reads next."""
        self._own.statistics = statistics

    def forward(self, x: Tensor) -> Tensor:
        mean, deviation = (s.to(x.device, torch.float32) for s in self._own.statistics)
        scale = self.norm.weight / deviation
        shift = self.norm.bias - mean * scale
        return x * scale[:, None] + shift[:, None]

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

BLOCK = 2 * RATE
"""Samples that are convolved at a time (ours: 26 MB in a model of base size)."""

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
        """Measure so many samples, in blocks."""
        (conv,) = self._conv
        step, width = conv.stride[0], conv.kernel_size[0]
        count = (samples - width) // step + 1
        sums = torch.zeros(2, conv.out_channels, dtype=torch.float64)
        for first in range(0, count, BLOCK // step):
            beyond = min(first + BLOCK // step, count)
            values = conv(read(first * step, (beyond - 1) * step + width)[:, None])[0].double()
            sums += torch.stack([values.sum(1), (values**2).sum(1)]).cpu()
        mean, squares = sums / count
        deviation = (squares - mean**2).clamp(min=0).add(self.norm.eps).sqrt()
        return Statistics(mean, deviation)

    def use(self, statistics: Statistics) -> None:
        """Normalise by these what this thread reads next."""
        self._own.statistics = statistics

    def forward(self, x: Tensor) -> Tensor:
        mean, deviation = (s.to(x.device, torch.float32) for s in self._own.statistics)
        scale = self.norm.weight / deviation
        shift = self.norm.bias - mean * scale
        return x * scale[:, None] + shift[:, None]

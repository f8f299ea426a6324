"""The speed of a machine: its rates of matrix products and of moving memory.

A benchmark passes its own functions and these to `interleaved`, so that other load on the machine
slows all of them alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

SQUARE = 2048  # rows of the large product, enough for a CPU and a GPU to reach their full rate
COPIED = 2**28  # bytes of the copy that measures memory, more than fit into any cache


class Product(NamedTuple):
    """`batch` products of matrices, (rows, inner) by (inner, columns)."""

    batch: int
    rows: int
    inner: int
    columns: int

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.batch * self.rows * self.inner * self.columns

    def bytes(self, width: int = 4) -> int:
        """Bytes to read both factors and write the result once, at `width` bytes per number."""
        numbers = self.rows * self.inner + self.inner * self.columns + self.rows * self.columns
        return width * self.batch * numbers

    def backward(self) -> tuple[Product, Product]:
        """The products that give the factors' gradients."""
        batch, rows, inner, columns = self
        return Product(batch, rows, columns, inner), Product(batch, inner, rows, columns)

    def ready(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Callable[[], None]:
        """A function that computes the product of random normal matrices."""
        batch, rows, inner, columns = self
        a = torch.randn(batch, rows, inner, device=device, dtype=dtype)
        b = torch.randn(batch, inner, columns, device=device, dtype=dtype)
        out = torch.empty(batch, rows, columns, device=device, dtype=dtype)
        if batch == 1:
            return partial(_run, torch.mm, a[0], b[0], out[0])
        return partial(_run, torch.bmm, a, b, out)


def _run(function: Callable[..., Tensor], a: Tensor, b: Tensor, out: Tensor) -> None:
    function(a, b, out=out)


def square(device: torch.device, dtype: torch.dtype = torch.float32) -> Callable[[], None]:
    """A large square product, which reaches the machine's highest rate."""
    return Product(1, SQUARE, SQUARE, SQUARE).ready(device, dtype)


SQUARE_OPERATIONS = Product(1, SQUARE, SQUARE, SQUARE).operations


def copy(device: torch.device) -> Callable[[], None]:
    """A copy of `COPIED` bytes, which moves twice as many: each is read and written."""
    source = torch.zeros(COPIED // 4, device=device)
    target = torch.zeros_like(source)
    return partial(_copy, source, target)


def _copy(source: Tensor, target: Tensor) -> None:
    target.copy_(source)


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """How long one call takes, until the device has finished."""
    _wait(device)
    began = time.perf_counter()
    function()
    _wait(device)
    return time.perf_counter() - began


def interleaved(
    functions: Mapping[str, Callable[[], object]], device: torch.device, rounds: int
) -> dict[str, float]:
    """Each function's median seconds per call over `rounds` rounds, in turn, after a warm-up.

    In a round, short calls are repeated for about 0.01 s, and their time is divided.
    """
    repeats = {name: _repeats(function, device) for name, function in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            count = repeats[name]
            times[name].append(seconds(partial(_repeat, function, count), device) / count)
    return {name: median(values) for name, values in times.items()}


def _repeats(function: Callable[[], object], device: torch.device) -> int:
    function()
    return max(1, round(0.01 / seconds(function, device)))


def _repeat(function: Callable[[], object], count: int) -> None:
    for _ in range(count):
        function()


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

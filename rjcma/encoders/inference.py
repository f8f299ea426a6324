"""Prepares an encoder for inference: the same vectors, computed faster, without a compiler."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from rjcma.encoders.winograd import Winograd

Item = TypeVar("Item")
Value = TypeVar("Value")

Watch = Callable[[str, int, Iterator[Any]], Iterator[Any]]
"""Shows that parts of a clip's work are done: of what, how many there are, and the parts."""

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def prepared(encoder: nn.Module, device: torch.device, precision: str = "fp32") -> nn.Module:
    """A copy of the encoder on the device, for inference. Its relative error is at most 1e-4.

    A batch norm after a convolution or a linear layer is merged into that layer. The channels-last
    memory format saves convolutions from reordering their input. On a CPU, in float32, convolutions
    with many channels use Winograd's algorithm. For gradients use the encoder itself.
    """
    ready = copy.deepcopy(encoder).eval().requires_grad_(False)
    for sequence in [module for module in ready.modules() if isinstance(module, nn.Sequential)]:
        _fold(sequence)
        if device.type == "cpu" and precision == "fp32":
            _speed_up(sequence)
    return ready.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


@contextmanager
def running(device: torch.device, precision: str) -> Iterator[None]:
    """Inference mode. In bf16 and fp16, matrix products and convolutions use that precision.

    TF32, to which torch would round the inputs of a GPU's convolutions by default, is off.
    """
    mixed = precision != "fp32"
    with (
        torch.inference_mode(),
        torch.autocast(device.type, PRECISIONS[precision] if mixed else None, enabled=mixed),
        _without_tf32() if device.type == "cuda" else nullcontext(),
    ):
        yield


@contextmanager
def _without_tf32() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@contextmanager
def one_core_a_thread() -> Iterator[None]:
    """While this is active, torch uses one core in each thread that is started.

    Threads that work on different clips wait less for one another than cores that share a product.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Parts:
    """How the parts of a clip are run: one after another, and without a word, unless asked for."""

    threads: Executor | None = None
    ahead = 0
    watch: Watch | None = None


@contextmanager
def in_parts(threads: int, watch: Watch) -> Iterator[None]:
    """While this is active, parts of a clip run side by side, one core each, and are watched.

    A part is computed by one core however many run, so its values are those of a stage's worker.
    """
    with one_core_a_thread(), ThreadPoolExecutor(threads) as pool:
        _Parts.threads, _Parts.ahead, _Parts.watch = pool if threads > 1 else None, threads, watch
        try:
            yield
        finally:
            _Parts.threads, _Parts.watch = None, None
            pool.shutdown(cancel_futures=True)


def each(what: str, run: Callable[[Item], Value], items: Sequence[Item]) -> Iterator[Value]:
    """What `run` makes of each item, in order. Few results wait at a time. See `in_parts`."""
    values = map(run, items) if _Parts.threads is None else _ahead(_Parts.threads, run, items)
    return values if _Parts.watch is None else _Parts.watch(what, len(items), values)


def _ahead(
    threads: Executor, run: Callable[[Item], Value], items: Sequence[Item]
) -> Iterator[Value]:
    waiting: deque[Future[Value]] = deque()
    try:
        for item in items:
            waiting.append(threads.submit(run, item))
            if len(waiting) > _Parts.ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _fold(layers: nn.Sequential) -> None:
    """Merge each batch norm into the layer before it, and put an identity in its place."""
    for n, (layer, norm) in enumerate(zip(list(layers), list(layers)[1:], strict=False)):
        if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[n], layers[n + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
        elif isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm1d):
            layers[n], layers[n + 1] = fuse_linear_bn_eval(layer, norm), nn.Identity()


def _speed_up(layers: nn.Sequential) -> None:
    for n, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d) and Winograd.fits(layer):
            layers[n] = Winograd(layer)

"""The speed of the paper's backbones in stage `encode`, compared with plain eager float32 calls.

Run as `python -m benchmarks.backbones`; nothing else is needed, the weights are random.

Both get the same frames, in turn within one run. On a CPU the plain call uses all cores for each
layer; ours uses one core per batch, as the stage does for its clips. The share compares the
network's operations per second with those of one large matrix product, measured in the same run.
Operations are counted by the definition of a convolution, so an algorithm that needs fewer of them
may exceed 100 %.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
import typer
from torch import Tensor, nn

from benchmarks.rates import SQUARE_OPERATIONS, interleaved, square
from rjcma.device import choose
from rjcma.encoders.inference import PRECISIONS, one_core_a_thread, prepared, running
from rjcma.encoders.ir_resnet50 import IRResNet50
from rjcma.encoders.vggish import VGGish
from rjcma.jobs.workers import worker_count

Call = Callable[[Tensor], Tensor]


class Subject(NamedTuple):
    """A backbone, and the shape of its input for one frame."""

    name: str
    encoder: nn.Module
    shape: tuple[int, ...]
    plain: Call
    """Its layers called one after another, with nothing done for speed."""


def subjects(device: torch.device) -> list[Subject]:
    visual, audio = IRResNet50().eval().to(device), VGGish().eval().to(device)

    def plain_visual(faces: Tensor) -> Tensor:
        return F.normalize(visual.output_layer(visual.body(visual.input_layer(faces))))

    def plain_audio(windows: Tensor) -> Tensor:
        return audio.embeddings(audio.flat(audio.features(windows[:, None])))

    return [
        Subject("IR-ResNet50", visual, visual.input_shape, plain_visual),
        Subject("VGGish", audio, audio.input_shape, plain_audio),
    ]


def operations(subject: Subject, device: torch.device) -> int:
    """Multiplications and additions per frame, by the definition of the network's layers."""
    counted: list[int] = []

    def count(layer: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear) and layer.weight is not None
        counted.append(2 * output.numel() * layer.weight[0].numel())

    layers = [m for m in subject.encoder.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode():
        subject.plain(torch.zeros(1, *subject.shape, device=device))
    for hook in hooks:
        hook.remove()
    return sum(counted)


def side_by_side(call: Call, batches: list[Tensor]) -> Tensor:
    """The batches' vectors, computed on one core per batch."""
    with one_core_a_thread(), ThreadPoolExecutor(len(batches)) as threads:
        return torch.cat(list(threads.map(call, batches)))


def implementations(
    subject: Subject, device: torch.device, batches: list[Tensor], whole: Tensor
) -> dict[str, Callable[[], Tensor]]:
    """By name, functions that compute the vectors of the same frames."""

    def plain() -> Tensor:
        with torch.inference_mode():
            return subject.plain(whole)

    def ours(precision: str) -> Callable[[], Tensor]:
        ready = prepared(subject.encoder, device, precision)

        def call(values: Tensor) -> Tensor:
            with running(device, precision):
                return ready(values).float()

        if device.type == "cpu":
            return lambda: side_by_side(call, batches)
        return lambda: call(whole)

    precisions = ["fp32"] if device.type == "cpu" else ["fp32", "bf16"]
    return {"plain fp32": plain} | {f"stage encode, {p}": ours(p) for p in precisions}


def measure(
    subject: Subject, device: torch.device, frames: int, workers: int, rounds: int
) -> list[str]:
    """The rows of the table, one for each implementation."""
    batches = [torch.randn(frames, *subject.shape, device=device) for _ in range(workers)]
    whole = torch.cat(batches)
    functions = implementations(subject, device, batches, whole)
    vectors = {name: function() for name, function in functions.items()}
    rates = {f"rate {name.split()[-1]}": name.split()[-1] for name in functions}
    products = {key: square(device, PRECISIONS[p]) for key, p in rates.items()}
    seconds = interleaved({**functions, **products}, device, rounds)
    exact, needed = vectors["plain fp32"], operations(subject, device)
    rows = []
    for name in functions:
        speed = len(whole) / seconds[name]
        error = float((vectors[name] - exact).norm() / exact.norm())
        rate = SQUARE_OPERATIONS / seconds[f"rate {name.split()[-1]}"]
        cells = [subject.name, name, f"{speed:.1f}", f"{seconds['plain fp32'] / seconds[name]:.2f}"]
        cells += [f"{error:.1e}", f"{rate / 1e9:.0f}", f"{100 * speed * needed / rate:.0f} %"]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def main(
    frames: Annotated[int, typer.Option(help="frames per batch")] = 64,
    workers: Annotated[int | None, typer.Option(help="parallel batches; all cores")] = None,
    rounds: Annotated[int, typer.Option(help="calls of each; the median counts")] = 5,
    device: Annotated[str, typer.Option()] = "auto",
) -> None:
    """Print a Markdown table: frames per second, ratio, error, share of the matrix rate."""
    where = choose(device)
    count = (workers or worker_count()) if where.type == "cpu" else 1
    if where.type == "cpu":
        torch.set_num_threads(count)
    print(f"{where}, {count} cores, {frames} frames per batch, median of {rounds}\n")
    print("| backbone | code | frames/s | times plain | relative error | matrix GFLOP/s | share |")
    print("|---|---|---:|---:|---:|---:|---:|")
    torch.manual_seed(1)
    for subject in subjects(where):
        for row in measure(subject, where, frames, count, rounds):
            print(row, flush=True)


if __name__ == "__main__":
    typer.run(main)

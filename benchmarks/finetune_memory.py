"""What a fine-tuning step takes: memory at its peak, and time, for each number of released groups.

Run as `python -m benchmarks.finetune_memory`; nothing else is needed, the weights are random. The
step is the paper's: 12 windows of 300 frames, IR-ResNet50 and VGGish from faces and log-mel
windows, vectors of 768 for text, three recursions, Adam. Each is measured in a process of its own,
so that no other's memory counts: the largest resident size on a CPU, what torch allocated at most
on a GPU. Smaller --windows and --frames show how memory grows, in less time.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from statistics import median
from typing import Annotated, NamedTuple

import torch
import typer
from torch import Tensor

from rjcma.device import choose
from rjcma.encoders import backbones
from rjcma.encoders.inference import PRECISIONS
from rjcma.encoders.settings import IRResNet50, VGGish
from rjcma.encoders.standardised import Standardised
from rjcma.fusion.network import Network, build
from rjcma.fusion.settings import RJCMASettings
from rjcma.training.loss import concordance_losses
from rjcma.training.unfreezing import Unfreezing

TEXT = 768  # BERT's width
RECURSIONS = 3  # the paper's
TRAINING_FRAMES = 1_700_000  # of a fold of Aff-Wild2, about
OVERLAP = 300 / 200  # windows of 300 frames every 200: how often an epoch sees a frame
EPOCHS = 100  # the paper's limit
WARM = 1  # steps before those that are timed


class Cost(NamedTuple):
    """Of one step."""

    gibibytes: float
    seconds: float


def network_for(frames: int) -> Network:
    """The paper's network for windows of that many frames."""
    encoders = {
        "visual": backbones.build("visual", IRResNet50(kind="ir_resnet50")),
        "audio": backbones.build("audio", VGGish(kind="vggish")),
        "text": Standardised(torch.zeros(TEXT), torch.ones(TEXT)),
    }
    fusion = RJCMASettings.model_validate({"kind": "rjcma"})
    return build(encoders, fusion, recursions=RECURSIONS, frames=frames)


def values(count: int, device: torch.device) -> dict[str, Tensor]:
    """What `count` frames show."""
    shapes = {"visual": (3, 40, 40), "audio": (96, 64), "text": (TEXT,)}
    return {m: torch.randn(count, *shape, device=device) for m, shape in shapes.items()}


def step(
    network: Network,
    optimizer: torch.optim.Optimizer,
    inputs: dict[str, Tensor],
    truth: Tensor,
    precision: str,
) -> None:
    """One step, as training does it."""
    valid = torch.ones_like(truth, dtype=torch.bool)
    mixed = precision != "fp32"
    with torch.autocast(truth.device.type, PRECISIONS[precision] if mixed else None, enabled=mixed):
        outputs = network(inputs, valid)
    optimizer.zero_grad(set_to_none=True)
    concordance_losses(outputs.float(), truth).mean().backward()
    optimizer.step()


def cost(
    windows: int, frames: int, released: int, precision: str, device: torch.device, steps: int
) -> Cost:
    """Peak memory of this process, and the median seconds of a step."""
    torch.manual_seed(1)
    network = network_for(frames).to(device)
    unfreezing = Unfreezing(network)
    unfreezing.to(released)
    unfreezing.train()
    optimizer = torch.optim.Adam([w for w in network.parameters() if w.requires_grad], 1e-5)
    inputs, truth = values(windows * frames, device), torch.randn(windows, frames, device=device)
    taken = []
    for _ in range(WARM + steps):
        began = time.perf_counter()
        step(network, optimizer, inputs, truth, precision)
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return Cost(_peak(device) / 2**30, median(taken[WARM:]))


def _peak(device: torch.device) -> int:
    """Bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def in_its_own_process(arguments: list[str]) -> Cost:
    command = [sys.executable, "-m", "benchmarks.finetune_memory", *arguments, "--alone"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(*json.loads(done.stdout))


def hours(found: Cost, windows: int, frames: int, epochs: int) -> float:
    """For a fold of the real corpus, its training steps alone."""
    steps = TRAINING_FRAMES * OVERLAP / (windows * frames)
    return steps * found.seconds * epochs / 3600


def main(
    windows: Annotated[int, typer.Option()] = 12,
    frames: Annotated[int, typer.Option()] = 300,
    released: Annotated[list[int] | None, typer.Option(help="groups; 0 to 3")] = None,
    precision: Annotated[list[str] | None, typer.Option(help="fp32, bf16")] = None,
    steps: Annotated[int, typer.Option(help="timed, after one that is not")] = 3,
    device: Annotated[str, typer.Option()] = "auto",
    alone: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Print a Markdown table: peak memory, seconds a step, hours a fold projected from them.

    Hours are those of the training steps of 1.7 million frames in overlapping windows, with that
    many groups released throughout; a real run releases them one after another and stops early.
    """
    where = choose(device)
    counts = released if released else [0, 1, 2, 3]
    precisions = precision or (["fp32", "bf16"] if where.type == "cuda" else ["fp32"])
    if alone:
        print(json.dumps(cost(windows, frames, counts[0], precisions[0], where, steps)))
        return
    print(f"{where}, {windows} windows of {frames} frames, median of {steps} steps\n")
    print("| released groups | precision | peak GiB | s/step | h/epoch | h/fold, 100 epochs |")
    print("|---:|---|---:|---:|---:|---:|")
    shared = ["--windows", str(windows), "--frames", str(frames), "--steps", str(steps)]
    for name in precisions:
        for count in counts:
            own = ["--released", str(count), "--precision", name, "--device", str(where)]
            found = in_its_own_process([*shared, *own])
            projected = [hours(found, windows, frames, epochs) for epochs in (1, EPOCHS)]
            print(
                f"| {count} | {name} | {found.gibibytes:.2f} | {found.seconds:.2f}"
                f" | {projected[0]:.2f} | {projected[1]:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    typer.run(main)

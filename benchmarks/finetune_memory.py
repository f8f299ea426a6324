"""Peak memory and time of a fine-tuning step, for each number of released layer groups.

Run as `python -m benchmarks.finetune_memory`; nothing else is needed, the weights are random. The
step is the paper's: 12 windows of 300 frames, IR-ResNet50 and VGGish from faces and log-mel
windows, vectors of 768 for text, three recursions, Adam. Each case runs in its own process, so that
only its own memory is measured: on a CPU the largest resident size, on a GPU the most that torch
allocated. Smaller --windows and --frames show in less time how memory grows.
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
TRAINING_FRAMES = 1_700_000  # in a fold of Aff-Wild2, about
OVERLAP = 300 / 200  # windows of 300 frames every 200: how often an epoch sees a frame
EPOCHS = 100  # the paper's limit
WARM = 1  # steps before those that are timed


class Cost(NamedTuple):
    """The cost of one step."""

    gibibytes: float
    seconds: float


def network_for(frames: int) -> Network:
    """The paper's network for windows of `frames` frames."""
    encoders = {
        "visual": backbones.build("visual", IRResNet50(kind="ir_resnet50")),
        "audio": backbones.build("audio", VGGish(kind="vggish")),
        "text": Standardised(torch.zeros(TEXT), torch.ones(TEXT)),
    }
    fusion = RJCMASettings.model_validate({"kind": "rjcma"})
    return build(encoders, fusion, recursions=RECURSIONS, frames=frames)


def values(count: int, device: torch.device) -> dict[str, Tensor]:
    """Random inputs for `count` frames, by modality."""
    shapes = {"visual": (3, 40, 40), "audio": (96, 64), "text": (TEXT,)}
    return {m: torch.randn(count, *shape, device=device) for m, shape in shapes.items()}


def step(
    network: Network,
    optimizer: torch.optim.Optimizer,
    inputs: dict[str, Tensor],
    truth: Tensor,
    precision: str,
) -> None:
    """One step, as in training."""
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
    """The cost of a step in this process: peak memory, median time."""
    torch.manual_seed(1)
    network = network_for(frames).to(device)
    unfreezing = Unfreezing(network)
    unfreezing.release(released)
    unfreezing.train()
    optimizer = torch.optim.Adam([w for w in network.parameters() if w.requires_grad], 1e-5)
    inputs, truth = values(windows * frames, device), torch.randn(windows, frames, device=device)
    times = []
    for _ in range(WARM + steps):
        began = time.perf_counter()
        step(network, optimizer, inputs, truth, precision)
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return Cost(_peak(device) / 2**30, median(times[WARM:]))


def _peak(device: torch.device) -> int:
    """Peak memory of this process, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def in_its_own_process(arguments: list[str]) -> Cost:
    command = [sys.executable, "-m", "benchmarks.finetune_memory", *arguments, "--alone"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(*json.loads(done.stdout))


def hours(step_cost: Cost, windows: int, frames: int, epochs: int) -> float:
    """Hours of the training steps of a fold of the real corpus."""
    steps = TRAINING_FRAMES * OVERLAP / (windows * frames)
    return steps * step_cost.seconds * epochs / 3600


def main(
    windows: Annotated[int, typer.Option()] = 12,
    frames: Annotated[int, typer.Option()] = 300,
    released: Annotated[list[int] | None, typer.Option(help="released groups, 0 to 3")] = None,
    precision: Annotated[list[str] | None, typer.Option(help="fp32, bf16")] = None,
    steps: Annotated[int, typer.Option(help="timed steps, after a first one")] = 3,
    device: Annotated[str, typer.Option()] = "auto",
    alone: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Print a Markdown table: peak memory, seconds per step, and projected hours per fold.

    Hours are those of the training steps of 1.7 million frames in overlapping windows, with all
    these groups released throughout; a real run releases them one by one and stops early.
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
            step_cost = in_its_own_process([*shared, *own])
            projected = [hours(step_cost, windows, frames, epochs) for epochs in (1, EPOCHS)]
            print(
                f"| {count} | {name} | {step_cost.gibibytes:.2f} | {step_cost.seconds:.2f}"
                f" | {projected[0]:.2f} | {projected[1]:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    typer.run(main)

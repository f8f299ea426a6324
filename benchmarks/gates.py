"""The time of a training step of each gated fusion, compared with the same fusion without gates.

Run as `python -m benchmarks.gates`; nothing else is needed. On a CPU, the time is that of the
processor, on one thread, so that other load on the machine counts little. All steps are measured in
turn. The sizes are those of `benchmarks.fusion`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Annotated

import torch
import typer

from benchmarks.fusion import BATCH, FRAMES, LAYERS, RECURSIONS, WIDTHS, inputs, step
from benchmarks.rates import interleaved
from rjcma.device import choose
from rjcma.fusion import gated_released, gated_rjcma
from rjcma.fusion.module import FusionModule
from rjcma.fusion.released import Released
from rjcma.fusion.rjcma import RJCMA

KINDS: dict[str, tuple[type[RJCMA] | type[Released], int]] = {
    "rjcma": (RJCMA, RECURSIONS),
    "rjcma_dynamic": (gated_rjcma.Dynamic, RECURSIONS),
    "rjcma_gated": (gated_rjcma.Gated, RECURSIONS),
    "rjcma_hierarchical": (gated_rjcma.Hierarchical, RECURSIONS),
    "released": (Released, LAYERS),
    "released_dynamic": (gated_released.Dynamic, LAYERS),
    "released_gated": (gated_released.Gated, LAYERS),
    "released_hierarchical": (gated_released.Hierarchical, LAYERS),
}
"""The class of each kind, and how often it recurs."""

MODALITIES = {"all": tuple(WIDTHS), "audio and visual": ("visual", "audio")}


def ready(module: FusionModule, used: Sequence[str], device: torch.device) -> Callable[[], None]:
    """A step of a module, on windows without padding."""
    valid = torch.ones(BATCH, FRAMES, dtype=torch.bool, device=device)
    x = {m: values for m, values in inputs(device).items() if m in used}
    return step(module, lambda given: module(given, valid), x)


def measured(
    steps: Mapping[str, Callable[[], None]], device: torch.device, rounds: int
) -> dict[str, float]:
    """Each step's median seconds, in turn, after a warm-up."""
    if device.type != "cpu":
        return interleaved(steps, device, rounds)
    torch.set_num_threads(1)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(1 + rounds):
        for name, run in steps.items():
            began = time.process_time()
            run()
            times[name].append(time.process_time() - began)
    return {name: median(values[1:]) for name, values in times.items()}


def main(
    rounds: Annotated[int, typer.Option(help="How often each is measured, in turn.")] = 9,
    device: str = "auto",
) -> None:
    """Print the table."""
    where = choose(device)
    modules, steps = {}, {}
    for named, used in MODALITIES.items():
        for kind, (build, recursions) in KINDS.items():
            torch.manual_seed(0)
            module = build({m: WIDTHS[m] for m in used}, FRAMES, recursions).to(where)
            modules[named, kind] = module
            steps[f"{named}, {kind}"] = ready(module, used, where)
    found = measured(steps, where, rounds)
    print(f"A training step, batch {BATCH}, K {FRAMES}, {where.type}.\n")
    print("| modalities | kind | recursions | weights of gates | ms | times ungated |")
    print("|---|---|---:|---:|---:|---:|")
    for (named, kind), module in modules.items():
        seconds = found[f"{named}, {kind}"]
        ratio = seconds / found[f"{named}, {kind.split('_')[0]}"]
        gates = sum(p.numel() for name, p in module.named_parameters() if name.startswith("gates."))
        print(
            f"| {named} | {kind} | {KINDS[kind][1]} | {gates:,} | {seconds * 1e3:.0f}"
            f" | {ratio:.2f} |"
        )


if __name__ == "__main__":
    typer.run(main)

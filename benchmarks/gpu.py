"""Everything of the project that is for a GPU, in one call: `make gpu`.

Run as `python -m benchmarks.gpu`; nothing else is needed. Each part is a process of its own, so one
that fails does not stop the others. Without a GPU the parts that also mean something on a CPU run
there, in small, and the end says what could not be done.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Annotated, NamedTuple

import torch
import typer


class Part(NamedTuple):
    """A thing to do."""

    about: str
    command: tuple[str, ...]
    """What follows `python -m`."""
    small: tuple[str, ...] | None
    """What is added on a CPU, to take less time; None: it says nothing there."""


PARTS = {
    "tests": Part("the tests that need a GPU", ("pytest", "-m", "gpu", "-n0", "-q", "-rs"), None),
    "fusion": Part(
        "a step of the fusion: its launches, and the share of time in which the device works",
        ("benchmarks.fusion",),
        ("--rounds", "3"),
    ),
    "gates": Part(
        "steps of the gated kinds against those without gates", ("benchmarks.gates",), ()
    ),
    "backbones": Part(
        "the paper's encoders: their share of the card's measured rate in bf16",
        ("benchmarks.backbones",),
        ("--frames", "16", "--rounds", "2"),
    ),
    "pretrained": Part(
        "encoders of transformers against the library's own calls",
        ("benchmarks.pretrained", "--minutes", "10"),
        ("--frames", "8", "--rounds", "1", "--only", "ViT", "--only", "WavLM"),
    ),
    "loader": Part(
        "how long a step waits for its data, with encoders that are trained and that ran before",
        ("benchmarks.loader",),
        (),
    ),
    "fold": Part(
        "memory and time of fine-tuning, and a fold of 1.7 million frames from them",
        ("benchmarks.finetune_memory",),
        ("--windows", "1", "--frames", "30"),
    ),
}


def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"Some of the parts: {', '.join(PARTS)}.")
    ] = None,
) -> None:
    """Run the parts one after another, and say at last what was done where."""
    unknown = [name for name in only or () if name not in PARTS]
    if unknown:
        raise typer.BadParameter(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    print(f"on {card or 'a CPU: there is no GPU here'}", flush=True)
    ended: list[str] = []
    failed = False
    for name in only or PARTS:
        part = PARTS[name]
        if card is None and part.small is None:
            ended.append(f"not done, it needs a GPU: {part.about}")
            continue
        print(f"\n## {name}: {part.about}\n", flush=True)
        began = time.monotonic()
        added = () if card else part.small or ()
        status = subprocess.run([sys.executable, "-m", *part.command, *added]).returncode
        failed |= status != 0
        how = f"FAILED (exit status {status})" if status else "done"
        where = "" if card or status else ", on a CPU only and in small"
        ended.append(f"{how}{where}, {time.monotonic() - began:.0f} s: {part.about}")
    print("\n## Summary\n")
    for line in ended:
        print(f"- {line}")
    raise typer.Exit(int(failed))


if __name__ == "__main__":
    typer.run(main)

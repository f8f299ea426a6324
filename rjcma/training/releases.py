"""What each release step trains of the encoders, in lines for the user.

Loaded by its name, not imported, so that its code is in no key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from torch import nn

from rjcma.training.unfreezing import Unfreezing

NUMBERED = re.compile(r"(.*?)(\d+)$")
ADAPTER = re.compile(r"(.*\.\d+)\.[^\d]*\.lora_[AB]$")
"""An adapter within a block (`rjcma.encoders.lora`)."""


def lines(unfreezing: Unfreezing) -> Iterator[str]:
    """A line a release step, and one for what is never trained; none for a single step.

    `release step 2 of 3 adds visual model.layers.4-7 (28.4 M weights)`
    """
    count = unfreezing.groups
    if count < 2:
        return
    for step in range(count):
        parts = [
            f"{m} {_described(unfreezing.network.encoders[m], groups[step])}"
            for m, groups in unfreezing.by_encoder.items()
            if step < len(groups)
        ]
        does = "adds" if step else "trains"
        yield f"release step {step + 1} of {count} {does} {'; '.join(parts)}"
    if never := list(_never(unfreezing)):
        yield f"never trained: {'; '.join(never)}"


def _never(unfreezing: Unfreezing) -> Iterator[str]:
    """Of each encoder that is trained in part, the weights that are not."""
    for m, groups in unfreezing.by_encoder.items():
        encoder = unfreezing.network.encoders[m]
        own = _weights([encoder])
        trained = _weights([module for group in groups for module in group])
        if trained and (rest := own.keys() - trained.keys()):
            yield f"{_millions(sum(own[key] for key in rest))} of {m}"


def _described(encoder: nn.Module, group: Sequence[nn.Module]) -> str:
    names = {id(module): name for name, module in encoder.named_modules()}
    own = [names[id(module)] for module in group]
    blocks = dict.fromkeys(m[1] for name in own if (m := ADAPTER.match(name)))
    listed = ", ".join(shortened(blocks or own))
    within = "adapters in " if blocks else ""
    return f"{within}{listed} ({_millions(sum(_weights(group).values()))})"


def shortened(names: Iterable[str]) -> list[str]:
    """The names of modules; those that are numbered one after another are given as a range.

    >>> shortened(["layers.8", "layers.9", "layers.10", "norm"])
    ['layers.8-10', 'norm']
    """
    parts = [(m[1], int(m[2])) if (m := NUMBERED.match(n)) else (n, -1) for n in names]
    ranges = []
    for (prefix, _), own in groupby(enumerate(parts), lambda item: _run(*item)):
        numbers = [number for _, (_, number) in own]
        first, last = numbers[0], numbers[-1]
        ranges.append(
            prefix if first < 0 else f"{prefix}{first}" + (f"-{last}" if last > first else "")
        )
    return ranges


def _run(place: int, part: tuple[str, int]) -> tuple[str, int]:
    """The same for names that are numbered one after another."""
    return part[0], part[1] - place


def _weights(modules: Iterable[nn.Module]) -> dict[int, int]:
    """The number of values of each of the modules' parameters."""
    return {id(p): p.numel() for module in modules for p in module.parameters()}


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f} M weights" if count >= 1e5 else f"{count} weights"

"""What a worker needs that loads a model of `transformers`."""

from __future__ import annotations

from pathlib import Path

from rjcma.jobs.workers import DEFAULT, Needs
from rjcma.problem import Problem
from rjcma.text.model_files import locate

COPIES = 2
"""How often a model's files are in memory at once, at most: its weights are converted (ours)."""


def needs(name: str, device: str, *, key: str) -> Needs:
    """The needs of a worker with the model called `name`; a missing model is reported elsewhere.

    Each worker computes on one core, so that results do not depend on how many there are.
    """
    try:
        files = Path(locate(name, key=key)).rglob("*")
    except Problem:
        return DEFAULT
    size = sum(path.stat().st_size for path in files if path.is_file())
    return Needs(DEFAULT.memory + COPIES * size, device=device)

"""The runs of an ablation: each row's settings with each seed, target and fold.

A run is named by its settings. So rows with the same settings, in any table, share their runs, and
a trained run is not trained again when rows are added, renamed or removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from rjcma.scoring.settings import Runs
from rjcma.training.request import Run
from rjcma.training.sections import Settings


class Trial(NamedTuple):
    """One run of an ablation."""

    row: str
    """The first row that needs it; for messages only."""
    run: Run

    @property
    def name(self) -> str:
        """The name of its files."""
        return self.run.id

    @property
    def seed(self) -> int:
        """One of the ablation's seeds."""
        return self.run.settings.training.seed


def trials(rows: Mapping[Any, Settings], wanted: Runs, seeds: Sequence[int]) -> list[Trial]:
    """The runs that these rows need, each once; `rows` are settings by table and row."""
    by_name: dict[str, Trial] = {}
    for (_, row), settings in rows.items():
        for seed, target, fold in product(seeds, wanted.targets, wanted.folds):
            needed = trial(row, settings, target, fold, seed)
            by_name.setdefault(needed.name, needed)
    return list(by_name.values())


def trial(row: str, settings: Settings, target: str, fold: int, seed: int) -> Trial:
    """The run of a row with this target, fold and seed."""
    training = settings.training.model_copy(update={"seed": seed})
    return Trial(row, Run(target, fold, settings._replace(training=training)))

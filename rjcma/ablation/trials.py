"""The runs of an ablation: those of each row's settings, with each seed, target and fold.

A run is named for its settings, so rows that say the same, in whatever table, share their runs, and
what has been trained is not trained again when rows are added, renamed or removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from rjcma.corpus.labels import Target
from rjcma.scoring.settings import Runs
from rjcma.training.request import Run
from rjcma.training.sections import Settings


class Trial(NamedTuple):
    """One run of an ablation."""

    row: str
    """The first row that asks for it; for messages only."""
    run: Run

    @property
    def name(self) -> str:
        """That of its files."""
        return self.run.id

    @property
    def seed(self) -> int:
        """The ablation's."""
        return self.run.settings.training.seed


def trials(settings: Mapping[Any, Settings], wanted: Runs, seeds: Sequence[int]) -> list[Trial]:
    """The runs that these rows need, by table and row, each once."""
    found: dict[str, Trial] = {}
    for (_, row), of_row in settings.items():
        for seed, target, fold in product(seeds, wanted.targets, wanted.folds):
            one = trial(row, of_row, target, fold, seed)
            found.setdefault(one.name, one)
    return list(found.values())


def trial(row: str, settings: Settings, target: Target, fold: int, seed: int) -> Trial:
    """A row's run on a fold."""
    training = settings.training.model_copy(update={"seed": seed})
    return Trial(row, Run(target, fold, settings._replace(training=training)))

"""A run's history, one row per epoch, for history.csv and the curves."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rjcma.jobs.files import csv_text


class Epoch(NamedTuple):
    """A row of history.csv and a point of each curve."""

    epoch: int
    """Epochs count from 1."""
    loss: float
    """Mean of 1 - CCC over the training windows."""
    ccc: float
    """CCC of the selection clips (`rjcma.training.selection`)."""
    learning_rate: float
    """The highest of the epoch."""
    released: int
    """Number of groups of each encoder that were trained (`rjcma.training.unfreezing`)."""

    def cells(self) -> dict[str, str]:
        """The row's values as text, by column."""
        return {
            "epoch": str(self.epoch),
            "loss": f"{self.loss:.6f}",
            "ccc": f"{self.ccc:.6f}",
            "learning_rate": f"{self.learning_rate:.3e}",
            "released": str(self.released),
        }


def write(path: Path, history: Iterable[Epoch]) -> None:
    """Write history.csv."""
    path.write_text(csv_text([Epoch._fields, *(epoch.cells().values() for epoch in history)]))


def read(path: Path) -> list[Epoch]:
    """Read history.csv of a finished run; values are rounded as in the file."""
    with path.open(newline="") as file:
        return [
            Epoch(
                int(row["epoch"]),
                float(row["loss"]),
                float(row["ccc"]),
                float(row["learning_rate"]),
                int(row["released"]),
            )
            for row in csv.DictReader(file)
        ]

"""A run's history: a row an epoch, as history.csv and the curves have it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rjcma.jobs.files import csv_text


class Epoch(NamedTuple):
    """A row of history.csv and a point of each curve."""

    epoch: int
    """From 1."""
    loss: float
    """Mean 1 - CCC of the training windows."""
    ccc: float
    """Of the clips that select."""
    learning_rate: float
    """The epoch's highest."""
    released: int
    """Groups of each encoder that were trained."""

    def cells(self) -> dict[str, str]:
        """The row as it is written, by column."""
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
    """The history of a run that is whole, with the digits that are written."""
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

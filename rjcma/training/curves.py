"""A run's curves while it runs, written by dvclive: loss, CCC, learning rate and released groups an
epoch.

`dvc plots` and editors show them live. What ends in the folder depends on the epochs alone: those
before a resumption are written again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dvc.exceptions import NotDvcRepoError
from dvc.repo import Repo
from dvclive import Live


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


class Curves:
    """The curves of one run; a `folder` of None draws none."""

    def __init__(self, folder: Path | None, history: Iterable[Epoch] = ()) -> None:
        self.live = Live(str(folder), save_dvc_exp=False, dvcyaml=None) if _drawn(folder) else None
        for row in history:
            self.add(row)

    def add(self, row: Epoch) -> None:
        """One epoch more."""
        if self.live:
            self.live.step = row.epoch
            for name, value in row._asdict().items():
                if name != "epoch":
                    self.live.log_metric(name, value)
            self.live.next_step()

    def close(self) -> None:
        """No epoch follows."""
        if self.live:
            self.live.end()


def _drawn(folder: Path | None) -> bool:
    """Whether there are curves to draw: dvclive would make a repository where there is none, and
    fails in one without a commit."""
    if folder is None:
        return False
    try:
        scm = Repo().scm
    except NotDvcRepoError:
        print(f"{folder}: no curves, since this is no DVC repository", file=sys.stderr)
        return False
    if getattr(scm, "no_commits", False):
        print(f"{folder}: no curves, since the repository has no commit", file=sys.stderr)
        return False
    return True

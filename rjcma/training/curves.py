"""A run's curves while it runs, written by dvclive: loss, CCC, learning rate and released groups.

`dvc plots` and editors show them live. What ends in the folder depends on history.csv alone: epochs
before a resumption are drawn again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from dvc.exceptions import NotDvcRepoError
from dvc.repo import Repo
from dvc.scm import NoSCM
from dvclive import Live

from rjcma.training.history import Epoch


class Curves:
    """The curves of one run; a `folder` of None draws none."""

    def __init__(self, folder: Path | None) -> None:
        may = folder is not None and _may_draw(folder)
        self.live = Live(str(folder), save_dvc_exp=False, dvcyaml=None) if may else None

    def add(self, row: Epoch) -> None:
        """One epoch more."""
        if self.live:
            self.live.step = row.epoch
            for name, value in row.cells().items():
                if name != "epoch":
                    self.live.log_metric(name, float(value))
            self.live.next_step()

    def close(self) -> None:
        """No epoch follows."""
        if self.live:
            self.live.end()


def draw(folder: Path, history: Iterable[Epoch]) -> None:
    """Draw the curves of a run that has ended."""
    curves = Curves(folder)
    for epoch in history:
        curves.add(epoch)
    curves.close()


def _may_draw(folder: Path) -> bool:
    """Whether there are curves to draw: dvclive would make a repository where there is none, and
    fails in one without a commit."""
    try:
        scm = Repo().scm
    except NotDvcRepoError:
        print(f"{folder}: no curves, since this is no DVC repository", file=sys.stderr)
        return False
    if not isinstance(scm, NoSCM) and scm.no_commits:
        print(f"{folder}: no curves, since the repository has no commit", file=sys.stderr)
        return False
    return True

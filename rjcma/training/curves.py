"""A run's curves during training, drawn by dvclive: loss, CCC, learning rate and released groups.

`dvc plots` and editors show them live. The final curves depend only on history.csv: when a run
resumes, its earlier epochs are drawn again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dvc.exceptions import NotDvcRepoError
from dvc.repo import Repo
from dvc.scm import NoSCM
from dvclive import Live

from rjcma.jobs.progress import say
from rjcma.training.history import Epoch


class Curves:
    """The curves of one run; without a `folder`, nothing is drawn."""

    def __init__(self, folder: Path | None) -> None:
        drawn = folder is not None and _can_draw(folder)
        self.live = Live(str(folder), save_dvc_exp=False, dvcyaml=None) if drawn else None

    def add(self, row: Epoch) -> None:
        """Add an epoch to the curves."""
        if self.live:
            self.live.step = row.epoch
            for name, value in row.cells().items():
                if name != "epoch":
                    self.live.log_metric(name, float(value))
            self.live.next_step()

    def close(self) -> None:
        """End the curves: no epoch follows."""
        if self.live:
            with suppress(FileNotFoundError):  # a run beside this one removed their shared signal
                self.live.end()


def draw(folder: Path, history: Iterable[Epoch]) -> None:
    """Draw the curves of a run that has ended."""
    curves = Curves(folder)
    for epoch in history:
        curves.add(epoch)
    curves.close()


def _can_draw(folder: Path) -> bool:
    """Whether dvclive can draw: it needs a DVC repository and, with git, at least one commit.

    Without a repository, it would make one.
    """
    try:
        scm = Repo().scm
    except NotDvcRepoError:
        say(f"{folder}: no curves, since this is no DVC repository")
        return False
    if not isinstance(scm, NoSCM) and scm.no_commits:
        say(f"{folder}: no curves, since the repository has no commit")
        return False
    return True

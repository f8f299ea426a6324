"""The learning rate, the release of encoder groups, and when to stop: paper, section 4.2.2.

Training consists of release steps. The first step trains everything except the encoders, and the
first group of each encoder; every later step releases the next group. In each of a step's first
`warmup` epochs, the learning rate rises linearly from 0 to its peak. After these epochs, it is
multiplied by `lr_decay` whenever the CCC has not improved for `patience` epochs. When it is below
`min_learning_rate`, the step ends: the next group is released and the learning rate starts again.
Training stops when no group is left, or by `epochs` or `early_stop`.

The schedule's only input is the CCC of each epoch.
"""

from __future__ import annotations

import math
from typing import Any

from rjcma.training.settings import Training

ROUNDING = 1 - 1e-9  # 1e-5 * 0.1 * 0.1 * 0.1 is not below 1e-8


class Schedule:
    """The state of training. `groups` is the number of encoder groups to release.

    >>> rates = {"learning_rate": 1e-7, "min_learning_rate": 1e-8}
    >>> schedule = Schedule(Training(warmup=0, patience=1, **rates), groups=2)
    >>> for ccc in [0.1, 0.2, 0.2, 0.2, 0.3]:
    ...     better = schedule.take(ccc)
    ...     print(better, schedule.released, f"{schedule.peak_rate:.0e}")
    True 1 1e-07
    True 1 1e-07
    False 1 1e-08
    False 2 1e-07
    True 2 1e-07
    """

    def __init__(self, settings: Training, groups: int) -> None:
        self.settings, self.groups = settings, groups
        self.epoch = 0
        """Finished epochs, of all steps."""
        self.released = min(1, groups)
        """Number of groups of each encoder that are trained; 0 if no encoder has groups."""
        self.age = 0
        """Finished epochs of the current step."""
        self.falls = 0
        """Number of times the learning rate fell in the current step."""
        self.best = -math.inf
        self.since_best = 0
        """Epochs since the best one."""
        self.since_fall = 0
        """Epochs without a better CCC since the warm-up, the last fall or the last better CCC."""
        self.finished = False
        """Whether the last step has ended."""

    @property
    def peak_rate(self) -> float:
        """The highest learning rate of the next epoch."""
        return self.settings.learning_rate * self.settings.lr_decay**self.falls

    def learning_rate(self, step: int, steps: int) -> float:
        """The learning rate of the next epoch at batch `step` of `steps`, counted from 0."""
        warming = self.age < self.settings.warmup
        return self.peak_rate * (step + 1) / steps if warming else self.peak_rate

    def take(self, ccc: float) -> bool:
        """Decide about the next epoch from an epoch's CCC -> whether this CCC is the best so far.

        A CCC equal to the best one is not better.
        """
        better = ccc > self.best
        warming = self.age < self.settings.warmup
        self.best = max(self.best, ccc)
        self.epoch, self.age = self.epoch + 1, self.age + 1
        self.since_best = 0 if better else self.since_best + 1
        self.since_fall = 0 if better or warming else self.since_fall + 1
        if self.since_fall == self.settings.patience:
            self._fall()
        return better

    @property
    def over(self) -> str:
        """The reason why training ends now; empty if it continues."""
        if self.finished:
            return "learning rate below training.min_learning_rate, and no group is left to release"
        if self.epoch >= self.settings.epochs:
            return f"{self.settings.epochs} epochs, training.epochs"
        stop = self.settings.early_stop
        if stop is not None and self.since_best >= stop:
            return f"{stop} epochs without a better CCC, training.early_stop"
        return ""

    def state(self) -> dict[str, Any]:
        """The state that `resume` needs."""
        return {k: v for k, v in vars(self).items() if k not in ("settings", "groups")}

    def resume(self, state: dict[str, Any]) -> None:
        """Continue from the state of an earlier schedule."""
        vars(self).update(state)

    def _fall(self) -> None:
        self.falls, self.since_fall = self.falls + 1, 0
        if self.peak_rate >= self.settings.min_learning_rate * ROUNDING:
            return
        if self.released < self.groups:
            self.released, self.age, self.falls = self.released + 1, 0, 0
        else:
            self.finished = True

"""The learning rate, the release of encoder groups, and when to stop: paper, section 4.2.2.

Training goes in release steps. The first trains all that is no encoder, and the first group of each
encoder; every later one releases the next group. Within each of a step's first `warmup` epochs the
rate rises linearly to its top. After them it falls by `lr_decay` whenever `patience` epochs have
brought no better CCC. Once it is below `min_learning_rate` the step is over: the next group is
released and the rate starts anew, until no group is left, or `epochs` or `early_stop` stops
training.

The schedule sees the CCC of one epoch after the other and nothing else.
"""

from __future__ import annotations

import math
from typing import Any

from rjcma.training.settings import Training

ROUNDING = 1 - 1e-9  # 1e-5 * 0.1 * 0.1 * 0.1 is not below 1e-8


class Schedule:
    """Where training stands. `groups` is how many groups the encoders have to release.

    >>> rates = {"learning_rate": 1e-7, "min_learning_rate": 1e-8}
    >>> schedule = Schedule(Training(warmup=0, patience=1, **rates), groups=2)
    >>> for ccc in [0.1, 0.2, 0.2, 0.2, 0.3]:
    ...     better = schedule.take(ccc)
    ...     print(better, schedule.released, f"{schedule.top:.0e}")
    True 1 1e-07
    True 1 1e-07
    False 1 1e-08
    False 2 1e-07
    True 2 1e-07
    """

    def __init__(self, settings: Training, groups: int) -> None:
        self.settings, self.groups = settings, groups
        self.epoch = 0
        """Epochs taken so far, of all steps."""
        self.released = min(1, groups)
        """Groups of each encoder that are trained; 0 where none has any."""
        self.age = 0
        """Epochs of the present step."""
        self.falls = 0
        """How often the rate fell in the present step."""
        self.best = -math.inf
        self.since_best = 0
        """Epochs since the best one."""
        self.since_fall = 0
        """Epochs without a better one since the warm-up, the last fall or the last better one."""
        self.finished = False
        """Whether the last step is over."""

    @property
    def top(self) -> float:
        """The highest rate of the next epoch."""
        return self.settings.learning_rate * self.settings.lr_decay**self.falls

    def rate(self, step: int, steps: int) -> float:
        """The rate of step `step`, from 0, of the next epoch's `steps`."""
        warming = self.age < self.settings.warmup
        return self.top * (step + 1) / steps if warming else self.top

    def take(self, ccc: float) -> bool:
        """Take an epoch's CCC and decide what the next is like; -> whether it is the best so far.

        A CCC that equals the best is no better one.
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
        """Why training ends here, or nothing where it does not."""
        if self.finished:
            return "the rate fell below training.min_learning_rate and no group is left to release"
        if self.epoch >= self.settings.epochs:
            return f"{self.settings.epochs} epochs, training.epochs"
        stop = self.settings.early_stop
        if stop is not None and self.since_best >= stop:
            return f"{stop} epochs without a better CCC, training.early_stop"
        return ""

    def state(self) -> dict[str, Any]:
        """All that `resume` needs."""
        return {k: v for k, v in vars(self).items() if k not in ("settings", "groups")}

    def resume(self, state: dict[str, Any]) -> None:
        """Stand where the schedule stood that gave this state."""
        vars(self).update(state)

    def _fall(self) -> None:
        self.falls, self.since_fall = self.falls + 1, 0
        if self.top >= self.settings.min_learning_rate * ROUNDING:
            return
        if self.released < self.groups:
            self.released, self.age, self.falls = self.released + 1, 0, 0
        else:
            self.finished = True

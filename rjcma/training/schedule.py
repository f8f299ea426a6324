"""The learning rate from epoch to epoch, and when to stop, from the validation CCCs alone."""

from __future__ import annotations

import math

from rjcma.training.settings import Training


class Plateau:
    """The rate falls by `factor` after every `patience` epochs without a better CCC.

    Training is over after `early_stop` such epochs, or once the rate is below `min_rate`.
    """

    def __init__(self, settings: Training) -> None:
        self.settings, self.rate = settings, settings.rate
        self.best, self.waited = -math.inf, 0

    def step(self, ccc: float) -> bool:
        """Take the epoch's validation CCC; -> whether it is the best so far."""
        if ccc > self.best:
            self.best, self.waited = ccc, 0
            return True
        self.waited += 1
        if self.waited % self.settings.patience == 0:
            self.rate *= self.settings.factor
        return False

    @property
    def over(self) -> bool:
        """Whether training ends here."""
        return self.waited >= self.settings.early_stop or self.rate < self.settings.min_rate

"""The seed of a run, drawn from the one in params, its target and its fold.

So no two runs of one settings share a start: what folds and targets differ by is not one lucky
draw, and repetitions with other seeds are independent over folds too, as statistics over them
assume. Runs of other settings, with the same seed, target and fold, share theirs: they are pairs.
"""

from __future__ import annotations

from numpy.random import SeedSequence

from rjcma.corpus.labels import TARGETS, Target


def seed_of(seed: int, target: Target, fold: int) -> int:
    """The run's own seed, from `training.seed`.

    >>> seed_of(1, "valence", 0) == seed_of(1, "valence", 0) != seed_of(1, "arousal", 0)
    True
    """
    return int(SeedSequence([seed, TARGETS.index(target), fold]).generate_state(1)[0])

"""Which clips teach, which choose, and whose labels the taught ones have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rjcma.problem import Problem
from rjcma.training.settings import Training
from rjcma.training.sources import Source

EVERY = 4  # of the training videos, one in so many chooses, where held_out ones do (ours)


class Parts(NamedTuple):
    """The labelled clips of a run."""

    teaching: list[Source]
    choosing: list[Source]
    """Whose CCC chooses the epoch, the rate and the releases."""


def divide(
    train: Sequence[Source], validation: Sequence[Source], settings: Training, name: str
) -> Parts:
    """Divide a fold's clips as `choose_by` says, with labels as `labels` says.

    Held-out clips choose in place of the validation clips: every fourth video of the training
    clips, the last one where there are fewer than four. Clips that share a video stay together.
    Raises `Problem` where that leaves none to teach; `name` is the run's.
    """
    if settings.labels == "permuted":
        train = permuted(train, settings.seed)
    if settings.choose_by == "validation":
        return Parts(list(train), list(validation))
    videos = list(dict.fromkeys(source.clip.video for source in train))
    if len(videos) < 2:
        raise Problem(
            file=name,
            found=f"{len(videos)} training videos",
            expected="at least two, one of which is held out to choose by",
            cure="set training.choose_by to validation, or add training clips",
        )
    chosen = set(videos[EVERY - 1 :: EVERY] or videos[-1:])
    return Parts(
        [source for source in train if source.clip.video not in chosen],
        [source for source in train if source.clip.video in chosen],
    )


def permuted(sources: Sequence[Source], seed: int) -> list[Source]:
    """The clips with one another's labels, none with its own where there are several.

    Labels of a shorter clip are repeated, those of a longer one are cut.
    """
    order = np.random.default_rng([seed, len(sources)]).permutation(len(sources))
    given = {int(to): int(by) for to, by in zip(order, np.roll(order, 1))}
    return [
        replace(source, labels=np.resize(sources[given[n]].labels, source.clip.frames))
        for n, source in enumerate(sources)
    ]

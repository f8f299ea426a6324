"""Which clips are trained on, which select the epoch, and whose labels the former have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.random import default_rng

from rjcma.problem import Problem
from rjcma.training.clip_data import ClipData
from rjcma.training.settings import Training

EVERY = 4  # of the training videos, one in so many selects, where held_out ones do (ours)


class Parts(NamedTuple):
    """The labelled clips of a run."""

    training: list[ClipData]
    selection: list[ClipData]
    """Whose CCC selects the epoch, the learning rate and the releases."""


def divide(
    train: Sequence[ClipData], validation: Sequence[ClipData], settings: Training, name: str
) -> Parts:
    """Divide a fold's clips as `select_by` says, with labels as `permute_labels` says.

    Held-out clips select in place of the validation clips: every fourth video of the training
    clips, the last one where there are fewer than four. Clips that share a video stay together.
    Raises `Problem` where that leaves none to train on; `name` is the run's.
    """
    if settings.permute_labels:
        train = permuted(train, settings.seed)
    if settings.select_by == "validation":
        return Parts(list(train), list(validation))
    videos = list(dict.fromkeys(data.clip.video for data in train))
    if len(videos) < 2:
        raise Problem(
            file=name,
            found=f"{len(videos)} training videos",
            expected="at least two, one of which is held out to select by",
            cure="set training.select_by to validation, or add training clips",
        )
    held_out = set(videos[EVERY - 1 :: EVERY] or videos[-1:])
    return Parts(
        [data for data in train if data.clip.video not in held_out],
        [data for data in train if data.clip.video in held_out],
    )


def permuted(clips: Sequence[ClipData], seed: int) -> list[ClipData]:
    """The clips with one another's labels, none with its own where there are several.

    Labels of a shorter clip are repeated, those of a longer one are cut.
    """
    order = default_rng([seed, len(clips)]).permutation(len(clips))
    given = {int(to): int(by) for to, by in zip(order, np.roll(order, 1))}
    return [
        replace(data, labels=np.resize(clips[given[n]].labels, data.clip.frames))
        for n, data in enumerate(clips)
    ]

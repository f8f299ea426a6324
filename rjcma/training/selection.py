"""Divides a fold's clips into training clips and selection clips.

The CCC of the selection clips selects the best epoch and drives the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.random import default_rng

from rjcma.problem import Problem
from rjcma.training.clip_data import ClipData
from rjcma.training.settings import Training

EVERY = 4  # with select_by held_out, every fourth training video is for selection (ours)


class Parts(NamedTuple):
    """The labelled clips of a run."""

    training: list[ClipData]
    selection: list[ClipData]
    """The selection clips."""


def divide(
    train: Sequence[ClipData], validation: Sequence[ClipData], settings: Training, name: str
) -> Parts:
    """Divide a fold's clips by `select_by`, and permute their labels if `permute_labels` is set.

    With held_out, every fourth video of the training clips is used for selection instead of the
    validation clips; with fewer than four videos, the last one. Clips of one video stay together.
    Raises `Problem` if no clip is left to train on; `name` is the run's name in messages.
    """
    if settings.permute_labels:
        train = permuted(train, settings.seed)
    if settings.select_by == "validation":
        return Parts(list(train), list(validation))
    videos = list(dict.fromkeys(data.clip.together for data in train))
    if len(videos) < 2:
        raise Problem(
            file=name,
            found=f"{len(videos)} training videos",
            expected="at least two, since one is held out for selection",
            cure="set training.select_by to validation, or add training clips",
        )
    held_out = set(videos[EVERY - 1 :: EVERY] or videos[-1:])
    return Parts(
        [data for data in train if data.clip.together not in held_out],
        [data for data in train if data.clip.together in held_out],
    )


def permuted(clips: Sequence[ClipData], seed: int) -> list[ClipData]:
    """The clips with labels exchanged: if there are several, none keeps its own.

    Labels from a shorter clip are repeated, labels from a longer clip are cut.
    """
    order = default_rng([seed, len(clips)]).permutation(len(clips))
    source = {int(to): int(by) for to, by in zip(order, np.roll(order, 1))}
    return [
        replace(data, labels=np.resize(clips[source[n]].labels, data.clip.frames))
        for n, data in enumerate(clips)
    ]

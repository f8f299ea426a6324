"""Folds for cross-validation, as the paper (section 4.1) and the authors' code divide Aff-Wild2.

Fold 0 validates on the official validation clips and trains on the training clips, which are
sorted by name and cut into `count - 1` contiguous groups. The list of these groups, followed by the
official validation clips, is rotated by one for each fold; its last member is the validation set.

Ours: clips of the same video (two people in one picture) are never in different groups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from rjcma.manifest import Clip
from rjcma.problem import Problem


class Fold(NamedTuple):
    """What one run trains on and what it validates on."""

    train: list[Clip]
    validation: list[Clip]


def split(clips: Sequence[Clip], count: int) -> list[Fold]:
    """The `count` folds of a manifest's clips; test clips are in none.

    Raises `Problem` if there are fewer training videos than groups, or no validation clips.
    """
    validation = [clip for clip in clips if clip.partition == "validation"]
    if not validation:
        raise Problem(
            file="corpus.validation",
            found="no validation clips",
            expected="at least one, for fold 0",
            cure="name the folder of their annotations in corpus.validation",
        )
    videos = {clip.video for clip in validation}
    train = [clip for clip in clips if clip.partition == "train"]
    validation += [clip for clip in train if clip.video in videos]
    groups = _groups([clip for clip in train if clip.video not in videos], count - 1)
    parts = [*groups, _sorted(validation)]
    folds = []
    for number in range(count):
        rotated = parts[-number:] + parts[:-number]
        folds.append(Fold([clip for group in rotated[:-1] for clip in group], rotated[-1]))
    return folds


def fold(clips: Sequence[Clip], count: int, number: int) -> Fold:
    """Fold `number` of `count`. Raises `Problem` if there is no such fold, and as `split` does."""
    if not 0 <= number < count:
        raise Problem(
            file=f"fold {number}",
            found=f"fold {number} asked for",
            expected=f"one of 0 to {count - 1}, as corpus.folds is {count}",
            cure="correct runs.folds, or raise corpus.folds",
        )
    return split(clips, count)[number]


def _groups(clips: Sequence[Clip], count: int) -> list[list[Clip]]:
    """Clips sorted by name, cut into contiguous groups; the last takes the remainder.

    The clips of a video are sorted by the first of them and stay together, so a group may be longer
    than the others. Each group has at least one video.
    """
    videos = _videos(clips)
    if len(videos) < count:
        raise Problem(
            file="corpus.folds",
            found=f"{count + 1} folds",
            expected=f"at most {len(videos) + 1}: one group is the official validation clips, "
            f"the others are made of {len(videos)} training videos",
            cure="lower corpus.folds (and runs.folds), or add training clips",
        )
    groups: list[list[Clip]] = []
    taken = 0
    for number in range(1, count):
        group: list[Clip] = []
        while not group or (
            taken < number * (len(clips) // count) and len(videos) > count - number
        ):
            group += videos.pop(0)
            taken = sum(map(len, groups)) + len(group)
        groups.append(_sorted(group))
    return [*groups, _sorted([clip for video in videos for clip in video])]


def _videos(clips: Sequence[Clip]) -> list[list[Clip]]:
    """The clips of each video, in the order of each video's first clip."""
    videos: dict[str, list[Clip]] = defaultdict(list)
    for clip in _sorted(clips):
        videos[clip.video].append(clip)
    return list(videos.values())


def _sorted(clips: Sequence[Clip]) -> list[Clip]:
    return sorted(clips, key=lambda clip: clip.name)

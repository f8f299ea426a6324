"""Folds for cross-validation. The clips of a group or of a video are always in the same part.

With official validation clips, as the paper (section 4.1) and the authors' code divide Aff-Wild2:
fold 0 validates on them and trains on the training clips, which are sorted by name and cut into
`count - 1` contiguous parts. The list of these parts, followed by the official validation clips, is
rotated by one for each fold; its last member is the validation set.

Ours: without official validation clips, the groups are divided into `count` parts with about the
same number of frames. Leaving one group out, each group is a part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from rjcma.corpus.settings import LEAVE_ONE_OUT, Folds
from rjcma.manifest import Clip
from rjcma.problem import Problem


class Fold(NamedTuple):
    """What one run trains on and what it validates on."""

    train: list[Clip]
    validation: list[Clip]


def split(clips: Sequence[Clip], wanted: Folds) -> list[Fold]:
    """The folds of a manifest's clips, as `corpus.folds` says; test clips are in none.

    Raises `Problem` if there are fewer groups than parts.
    """
    divided = [clip for clip in clips if clip.partition != "test"]
    official = [clip for clip in divided if clip.partition == "validation"]
    if not isinstance(wanted, int):
        return _each_left_out(_one_each(_groups(divided)))
    if not official:
        return _each_left_out(_balanced(_groups(divided), wanted))
    names = {clip.together for clip in official}
    train = [clip for clip in divided if clip.partition == "train"]
    official += [clip for clip in train if clip.together in names]
    rest = [clip for clip in train if clip.together not in names]
    parts = [*_contiguous(rest, wanted - 1), _sorted(official)]
    folds = []
    for number in range(wanted):
        rotated = parts[-number:] + parts[:-number]
        folds.append(Fold([clip for part in rotated[:-1] for clip in part], rotated[-1]))
    return folds


def fold(clips: Sequence[Clip], wanted: Folds, number: int) -> Fold:
    """One of the folds. Raises `Problem` if there is no such fold, and as `split` does."""
    folds = split(clips, wanted)
    if not 0 <= number < len(folds):
        raise Problem(
            file=f"fold {number}",
            found=f"fold {number} asked for",
            expected=f"one of 0 to {len(folds) - 1}, as corpus.folds is {wanted}",
            cure="correct runs.folds, or change corpus.folds",
        )
    return folds[number]


def _each_left_out(parts: Sequence[list[Clip]]) -> list[Fold]:
    """A fold for each part, which it validates on."""
    return [
        Fold(_sorted([c for other in parts if other is not part for c in other]), _sorted(part))
        for part in parts
    ]


def _one_each(groups: list[list[Clip]]) -> list[list[Clip]]:
    if len(groups) < 2:
        raise _too_few(f"corpus.folds: {LEAVE_ONE_OUT}", "at least two groups", len(groups))
    return groups


def _balanced(groups: list[list[Clip]], count: int) -> list[list[Clip]]:
    """Groups in `count` parts: the longest first, each to the part with the fewest frames."""
    if len(groups) < count:
        raise _too_few(f"{count} folds", f"at most {len(groups)}", len(groups))
    parts: list[list[Clip]] = [[] for _ in range(count)]
    for group in sorted(groups, key=_frames, reverse=True):
        min(parts, key=_frames).extend(group)
    return parts


def _contiguous(clips: Sequence[Clip], count: int) -> list[list[Clip]]:
    """Clips sorted by name, cut into contiguous parts; the last takes the remainder.

    The clips of a group are sorted by the first of them and stay together, so a part may be longer
    than the others. Each part has at least one group.
    """
    groups = _groups(clips)
    if len(groups) < count:
        raise Problem(
            file="corpus.folds",
            found=f"{count + 1} folds",
            expected=f"at most {len(groups) + 1}: one part is the official validation clips, "
            f"the others are made of {len(groups)} training videos or groups",
            cure="lower corpus.folds (and runs.folds), or add training clips",
        )
    parts: list[list[Clip]] = []
    taken = 0
    for number in range(1, count):
        part: list[Clip] = []
        while not part or (taken < number * (len(clips) // count) and len(groups) > count - number):
            part += groups.pop(0)
            taken = sum(map(len, parts)) + len(part)
        parts.append(_sorted(part))
    return [*parts, _sorted([clip for group in groups for clip in group])]


def _groups(clips: Sequence[Clip]) -> list[list[Clip]]:
    """The clips of each group, in the order of each group's first clip."""
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in _sorted(clips):
        groups[clip.together].append(clip)
    return list(groups.values())


def _frames(clips: Sequence[Clip]) -> int:
    return sum(clip.frames for clip in clips)


def _sorted(clips: Sequence[Clip]) -> list[Clip]:
    return sorted(clips, key=lambda clip: clip.name)


def _too_few(found: str, expected: str, groups: int) -> Problem:
    return Problem(
        file="corpus.folds",
        found=f"{found}, and {groups} groups of clips",
        expected=expected,
        cure="lower corpus.folds (and runs.folds), or give clips other groups",
    )

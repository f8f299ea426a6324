"""Folds: the golden division, shared videos, and corpora that cannot be divided."""

from __future__ import annotations

import json

import places
import pytest
from clips import clip
from hypothesis import given
from hypothesis import strategies as st

from rjcma.corpus.folds import fold, split
from rjcma.manifest import Clip
from rjcma.problem import Problem

GOLDEN = places.GOLDEN / "folds.json"


def _names(clips: list[Clip]) -> list[str]:
    return [each.name for each in clips]


def test_six_folds_of_the_real_corpus_are_those_of_the_released_code() -> None:
    train = [f"train{k:03}" for k in range(356)]
    validation = [f"official{k:03}" for k in range(76)]
    names = train + validation
    clips = [clip(name) for name in reversed(train)]
    clips += [clip(name, partition="validation") for name in validation] + [
        clip("t", partition="test")
    ]
    golden = json.loads(GOLDEN.read_text())["folds"]
    folds = split(clips, 6)
    assert len(folds) == len(golden) == 6
    for found, expected in zip(folds, golden, strict=True):
        ranges = [range(first, last + 1) for first, last in expected["train"]]
        assert _names(found.train) == [names[k] for indices in ranges for k in indices]
        first, last = expected["validation"]
        assert _names(found.validation) == names[first : last + 1]


def test_two_people_in_one_video_stay_together_at_the_border_of_a_group() -> None:
    pairs = [("a", "a"), ("b_left", "b"), ("b_right", "b"), ("c", "c")]
    clips = [clip(name, video=video) for name, video in pairs] + [clip("v", partition="validation")]
    folds = split(clips, 3)
    assert _names(folds[2].validation) == ["a", "b_left", "b_right"]
    assert _names(folds[1].validation) == ["c"]


def test_clips_of_a_video_stay_together_although_others_sort_between_them() -> None:
    pairs = [("p1", "p1"), ("p10", "p10"), ("p11", "p11"), ("p1_left", "p1")]
    clips = [clip(name, video=video) for name, video in pairs] + [clip("v", partition="validation")]
    assert _names(split(clips, 3)[2].validation) == ["p1", "p1_left"]


def test_a_training_clip_joins_the_validation_clip_of_its_video() -> None:
    clips = [clip("a"), clip("b"), clip("w_left", video="w")]
    clips += [clip("w_right", partition="validation", video="w")]
    first = split(clips, 3)[0]
    assert _names(first.validation) == ["w_left", "w_right"]
    assert _names(first.train) == ["a", "b"]


SIZES = st.lists(st.integers(1, 3), min_size=5, max_size=19)


@given(SIZES, st.integers(2, 6))
def test_each_fold_has_every_clip_once_and_no_video_on_both_sides(
    sizes: list[int], count: int
) -> None:
    clips = [clip(f"{v:02}_{k}", video=f"{v}") for v, size in enumerate(sizes) for k in range(size)]
    clips += [clip("x", partition="validation"), clip("y", partition="validation")]
    folds = split(clips, count)
    for found in folds:
        assert sorted(_names(found.train + found.validation)) == _names(clips)
        assert found.train and found.validation
        videos = {each.video for each in found.train}
        assert not videos & {each.video for each in found.validation}
    together = [name for found in folds for name in _names(found.validation)]
    assert sorted(together) == _names(clips)


def test_more_groups_than_videos_are_refused() -> None:
    clips = [
        clip("b_left", video="b"),
        clip("b_right", video="b"),
        clip("v", partition="validation"),
    ]
    assert len(split(clips, 2)) == 2
    with pytest.raises(Problem, match="found 3 folds; expected at most 2"):
        split(clips, 3)


def test_a_corpus_without_validation_clips_is_refused() -> None:
    with pytest.raises(Problem, match="no validation clips"):
        split([clip("a"), clip("b")], 2)


@pytest.mark.parametrize("number", [-1, 3, 7])
def test_a_missing_fold_is_refused(number: int) -> None:
    clips = [clip("a"), clip("b"), clip("v", partition="validation")]
    assert _names(fold(clips, 3, 2).validation) == ["a"]
    with pytest.raises(Problem, match=f"fold {number} .*expected one of 0 to 2"):
        fold(clips, 3, number)

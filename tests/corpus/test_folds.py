"""Folds: the golden division, shared videos, and corpora that cannot be divided."""

from __future__ import annotations

import json
from collections import defaultdict

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


def test_without_official_validation_clips_the_folds_have_about_the_same_number_of_frames() -> None:
    frames = {"a": 100, "b": 60, "c": 50, "d": 10, "t": 500}
    clips = [
        clip(name, frames=n, partition="test" * (name == "t") or "train")
        for name, n in frames.items()
    ]
    folds = split(clips, 2)
    assert [_names(found.validation) for found in folds] == [["a", "d"], ["b", "c"]]
    assert [_names(found.train) for found in folds] == [["b", "c"], ["a", "d"]]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 99)), min_size=12, max_size=30),
    st.integers(2, 4),
)
def test_a_group_is_never_divided(drawn: list[tuple[int, int]], count: int) -> None:
    clips = [clip(f"{n:02}", frames=f, group=f"g{g}") for n, (g, f) in enumerate(drawn)]
    clips += [clip(f"x{n}", group=f"h{n}") for n in range(4)]
    folds = split(clips, count)
    assert sorted(name for found in folds for name in _names(found.validation)) == _names(clips)
    for found in folds:
        assert found.validation
        assert not {c.group for c in found.train} & {c.group for c in found.validation}
    sizes = [sum(c.frames for c in found.validation) for found in folds]
    groups = defaultdict(int)
    for each in clips:
        groups[each.group] += each.frames
    assert max(sizes) - min(sizes) <= max(groups.values())


def test_leaving_one_group_out_gives_a_fold_for_each_group() -> None:
    clips = [
        clip("a", group="x"),
        clip("b", group="y"),
        clip("c", group="x"),
        clip("v", partition="validation"),
    ]
    folds = split(clips, "leave_one_group_out")
    assert [_names(found.validation) for found in folds] == [["a", "c"], ["b"], ["v"]]
    assert _names(folds[0].train) == ["b", "v"]
    with pytest.raises(Problem, match="1 groups of clips; expected at least two"):
        split(clips[:1], "leave_one_group_out")


def test_training_clips_of_an_official_validation_group_are_validated_on() -> None:
    clips = [clip("a"), clip("b", group="x"), clip("v", group="x", partition="validation")]
    assert _names(fold(clips, 2, 0).validation) == ["b", "v"]


def test_more_folds_than_groups_are_refused() -> None:
    with pytest.raises(Problem, match="3 folds, and 2 groups of clips; expected at most 2"):
        split([clip("a"), clip("b")], 3)


@pytest.mark.parametrize("number", [-1, 3, 7])
def test_a_missing_fold_is_refused(number: int) -> None:
    clips = [clip("a"), clip("b"), clip("v", partition="validation")]
    assert _names(fold(clips, 3, 2).validation) == ["a"]
    with pytest.raises(Problem, match=f"fold {number} .*expected one of 0 to 2"):
        fold(clips, 3, number)

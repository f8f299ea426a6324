"""Training clips, selection clips, and the control with permuted labels."""

from __future__ import annotations

import numpy as np
import pytest
from clips import clip

from rjcma.problem import Problem
from rjcma.training.clip_data import ClipData
from rjcma.training.selection import divide, permuted
from rjcma.training.settings import Training


def data(name, frames=5, video=None, value=0.0):
    labels = np.full(frames, value, np.float32)
    return ClipData(clip(name, frames, video=video or name), {}, labels)


def names(clips):
    return [each.clip.name for each in clips]


TRAIN = [data(name) for name in "abcdefghi"]
VALIDATION = [data("x"), data("y")]


def test_in_the_paper_the_validation_clips_select_the_epoch():
    parts = divide(TRAIN, VALIDATION, Training(), "run")
    assert (names(parts.training), names(parts.selection)) == (list("abcdefghi"), ["x", "y"])


def test_every_fourth_training_video_may_select_instead_and_then_is_not_trained_on():
    parts = divide(TRAIN, VALIDATION, Training(select_by="held_out"), "run")
    assert (names(parts.training), names(parts.selection)) == (list("abcefgi"), ["d", "h"])


def test_two_people_in_one_video_are_held_out_together():
    train = [data("a_left", video="a"), data("b"), data("a_right", video="a"), data("c")]
    parts = divide(train, VALIDATION, Training(select_by="held_out"), "run")
    assert (names(parts.training), names(parts.selection)) == (["a_left", "b", "a_right"], ["c"])
    parts = divide(train[:3], VALIDATION, Training(select_by="held_out"), "run")
    assert (names(parts.training), names(parts.selection)) == (["a_left", "a_right"], ["b"])


def test_one_video_cannot_both_train_and_select():
    with pytest.raises(Problem, match="run: found 1 training videos; expected at least two"):
        divide(TRAIN[:1], VALIDATION, Training(select_by="held_out"), "run")


def test_permuted_labels_are_all_given_and_none_to_its_own_clip():
    clips = [data(name, value=n) for n, name in enumerate("abcdefg")]
    for seed in range(20):
        given = [each.labels[0] for each in permuted(clips, seed)]
        assert sorted(given) == list(range(7))
        assert all(value != n for n, value in enumerate(given))
    assert names(permuted(clips, 1)) == list("abcdefg")


def test_permuted_labels_are_repeated_or_cut_to_the_clips_length():
    one, two = data("a", 3), data("b", 7)
    one.labels[:], two.labels[:] = [1, 2, 3], [4, 5, 6, np.nan, 8, 9, 10]
    first, second = permuted([one, two], 0)
    np.testing.assert_array_equal(first.labels, [4, 5, 6])
    np.testing.assert_array_equal(second.labels, [1, 2, 3, 1, 2, 3, 1])


def test_a_control_validates_on_true_labels():
    clips = [data(name, value=n) for n, name in enumerate("abcd")]
    parts = divide(clips, VALIDATION, Training(permute_labels=True), "run")
    assert parts.selection == VALIDATION and all(a is not b for a, b in zip(parts.training, clips))

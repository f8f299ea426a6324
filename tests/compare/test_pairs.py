"""What two reports share: everything else is named, and compared by nobody."""

from __future__ import annotations

import numpy as np
import pytest
from report_world import Report

from rjcma.compare import pairs, side
from rjcma.problem import Problem

CLIPS = {"anna": 23, "bert": 31, "cleo": 29}


def shared(tmp_path, a: Report, b: Report) -> pairs.Common:
    return pairs.common(side.read(a.write(tmp_path / "a")), side.read(b.write(tmp_path / "b")))


def test_two_reports_on_the_same_clips_share_all_and_nothing_is_noted(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    found = shared(tmp_path, a, b)
    assert (found.targets, found.notes, found.by_fold) == (["valence", "arousal"], [], True)
    assert found.comparable == found.targets
    for pair in found.pairs:
        both = pair.targets["arousal"]
        np.testing.assert_allclose(both.a, a.predicted["arousal"][pair.clip], atol=1e-6)
        np.testing.assert_allclose(both.b, b.predicted["arousal"][pair.clip], atol=1e-6)
        np.testing.assert_allclose(both.truth_a, a.truth["arousal"][pair.clip], atol=1e-6)


def test_clips_and_targets_of_one_report_are_named_and_left_out(tmp_path):
    a = Report(2, {**CLIPS, "dora": 7}, ("valence", "arousal", "dominance"))
    b = Report(3, {"cleo": 29, "emil": 11, "bert": 31}, ("arousal", "valence"))
    a.truth |= {t: a.truth[t] | {n: b.truth[t][n] for n in ("cleo", "bert")} for t in b.truth}
    found = shared(tmp_path, a, b)
    assert found.targets == ["valence", "arousal"]
    assert [pair.clip for pair in found.pairs] == ["bert", "cleo"]
    assert "Only in A: 1 target (dominance), not compared." in found.notes
    assert "Only in A: 2 clips (anna, dora), not compared." in found.notes
    assert "Only in B: 1 clip (emil), not compared." in found.notes


def test_of_a_longer_clip_the_frames_that_both_have_are_compared(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    for values in (a.times, *a.truth.values(), *a.predicted.values()):
        values["anna"] = values["anna"][:-5]
    found = shared(tmp_path, a, b)
    assert len(found.pairs[0].times) == 18 == len(found.pairs[0].targets["valence"].b)
    assert [note for note in found.notes if "1 clip has other frames" in note] == found.notes


def test_a_clip_with_other_times_is_left_out(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    b.times["bert"] = b.times["bert"] * 1.2
    found = shared(tmp_path, a, b)
    assert [pair.clip for pair in found.pairs] == ["anna", "cleo"]
    assert "at other times in B than in A (bert): left out" in found.notes[0]


def test_frames_are_labelled_where_both_have_labels_and_each_keeps_its_own(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    b.truth["valence"]["anna"] = b.truth["valence"]["anna"] / 2
    b.truth["valence"]["anna"][3] = a.truth["valence"]["anna"][5] = np.nan
    found = shared(tmp_path, a, b)
    both = found.pairs[0].targets["valence"]
    assert np.flatnonzero(np.isnan(both.truth_a)).tolist() == [3, 5]
    assert np.flatnonzero(np.isnan(both.truth_b)).tolist() == [3, 5]
    np.testing.assert_allclose(both.truth_b, both.truth_a / 2, atol=2e-6)
    assert ["1 clip has other labels" in note for note in found.notes] == [True]


def test_other_ranges_leave_ccc_and_forbid_values(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    b.ranges["arousal"] = (0.0, 100.0)
    found = shared(tmp_path, a, b)
    assert found.comparable == ["valence"] and set(found.pairs[0].targets) == {"valence", "arousal"}
    assert "arousal is from -1 to 1 in A and from 0 to 100 in B" in found.notes[0]


def test_other_folds_are_named_and_all_frames_become_one_series(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    b.folds["cleo"] = [1]
    found = shared(tmp_path, a, b)
    assert not found.by_fold and "1 clip is scored in another fold" in found.notes[0]


def test_a_clip_that_a_report_was_trained_on_is_compared_by_no_target_of_it(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    a.predicted["valence"]["bert"][:] = np.nan
    found = {pair.clip: set(pair.targets) for pair in shared(tmp_path, a, b).pairs}
    assert found["bert"] == {"arousal"} and found["anna"] == {"valence", "arousal"}


def test_clips_that_only_one_report_predicted_are_named_by_target(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    a.predicted["valence"]["bert"][:] = np.nan
    for name in ("anna", "cleo"):
        b.predicted["arousal"][name][:] = np.nan
    for report in (a, b):
        report.predicted["arousal"]["bert"][:] = np.nan  # in neither: nothing is missing
    assert shared(tmp_path, a, b).notes == [
        "Predicted in B only: valence of 1 clip (bert), not compared.",
        "Predicted in A only: arousal of 2 clips (anna, cleo), not compared.",
    ]


def test_folds_that_only_one_report_has_are_named(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    b.scores["arousal"] = {1: 0.75, 2: 0.5, 3: 0.5}
    assert shared(tmp_path, a, b).notes == [
        "Only in A: 1 fold of arousal (0), not compared.",
        "Only in B: 2 folds of arousal (2, 3), not compared.",
    ]


def test_groups_are_those_of_the_report_that_knows_them(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    a.listed, b.together["bert"] = False, "anna"
    found = shared(tmp_path, a, b)
    assert [pair.together for pair in found.pairs] == ["anna", "anna", "cleo"]
    assert "An earlier version wrote one of the reports" in found.notes[-1]


@pytest.mark.parametrize(
    "b, found",
    [
        (Report(3, {"emil": 5}), "no clips in common: anna, bert, cleo; emil"),
        (Report(3, CLIPS, ("dominance",)), "no targets in common: valence, arousal; dominance"),
    ],
)
def test_reports_that_share_nothing_are_a_problem(tmp_path, b, found):
    with pytest.raises(Problem, match=found):
        shared(tmp_path, Report(2, CLIPS), b)


def test_reports_whose_clips_are_all_at_other_times_are_a_problem(tmp_path):
    a, b = Report(2, {"anna": 23}), Report(3, {"anna": 23})
    b.times["anna"] = b.times["anna"] + 1
    with pytest.raises(Problem, match="no frames in common"):
        shared(tmp_path, a, b)

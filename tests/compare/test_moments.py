"""Where two predictions part most."""

from __future__ import annotations

import numpy as np
import pytest
from report_world import FPS, Report

from rjcma.compare import moments, pairs, side

CLIPS = {"anna": 200, "bert": 150}


def quiet(seed=2) -> Report:
    """A report whose predictions are 0 everywhere."""
    report = Report(seed, CLIPS)
    for of_clips in report.predicted.values():
        for values in of_clips.values():
            values[:] = 0
    return report


def found(tmp_path, a: Report, b: Report, count=9):
    read = side.read(a.write(tmp_path / "a")), side.read(b.write(tmp_path / "b"))
    return moments.most(pairs.common(*read), *read, count)


def test_the_largest_difference_is_first_with_its_time_values_and_label(tmp_path):
    a, b = quiet(), quiet()
    b.predicted["arousal"]["bert"][60:71] = 0.8  # a second and a tenth, about frame 65
    b.predicted["valence"]["anna"][20:31] = -0.4
    for report in (a, b):
        report.truth["arousal"]["bert"][:] = 0.7
        report.truth["valence"]["anna"][:] = np.nan
    first, second, *_ = found(tmp_path, a, b)
    assert (first.clip, first.target, first.closer) == ("bert", "arousal", "B")
    assert first.time == pytest.approx(65 / FPS, abs=0.11)
    assert (first.a, first.b, first.truth) == pytest.approx((0, 0.8, 0.7), abs=1e-6)
    assert (second.clip, second.target, second.truth, second.closer) == (
        "anna",
        "valence",
        None,
        "",
    )
    assert (second.size, second.b) == pytest.approx((0.4, -0.4))


def test_a_single_frame_counts_little(tmp_path):
    a, b = quiet(), quiet()
    b.predicted["valence"]["anna"][100] = 1
    b.predicted["valence"]["bert"][50:61] = 0.3
    first, second, *_ = found(tmp_path, a, b)
    assert (first.clip, first.size) == ("bert", pytest.approx(0.3))
    assert (second.clip, second.size) == ("anna", pytest.approx(0.1))


def test_moments_of_a_clip_and_target_are_apart(tmp_path):
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    together = found(tmp_path, a, b, count=20)
    assert len(together) == 20 and sorted((m.size for m in together), reverse=True) == [
        m.size for m in together
    ]
    for one in together:
        for other in together:
            if one is not other and (one.clip, one.target) == (other.clip, other.target):
                assert abs(one.time - other.time) >= moments.APART - 1e-6


def test_values_are_in_the_units_of_the_corpus(tmp_path):
    a, b = quiet(), quiet()
    for report in (a, b):
        report.ranges["valence"] = (0.0, 100.0)
    b.predicted["valence"]["anna"][20:31] = 0.5
    first = found(tmp_path, a, b)[0]
    assert (first.a, first.b, first.size) == pytest.approx((50, 75, 0.5))


def test_where_predictions_are_equal_no_moment_is_shown_whatever_was_before(tmp_path):
    """A running mean carries rounding from what it has passed."""
    a, b = Report(2, {"anna": 3000}), Report(2, {"anna": 3000})
    b.predicted["valence"]["anna"][100:130] = a.predicted["arousal"]["anna"][100:130]
    assert all(9 < moment.time < 14 for moment in found(tmp_path, a, b, count=50))


def test_equal_predictions_part_nowhere_and_none_may_be_asked_for(tmp_path):
    assert found(tmp_path / "equal", quiet(), quiet()) == []
    assert found(tmp_path / "none", Report(2, CLIPS), Report(3, CLIPS), count=0) == []

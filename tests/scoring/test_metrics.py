"""CCC of folds, of clips and over all folds, against values computed in other ways."""

from __future__ import annotations

import json
import statistics

import numpy as np
import places
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma.concordance import ccc
from rjcma.problem import Problem
from rjcma.scoring import metrics, table
from rjcma.scoring.metrics import Score
from rjcma.scoring.runs import TrainedRun

GOLDEN = json.loads((places.GOLDEN / "ccc.json").read_text())["cases"]
NAN = np.nan


def scored(*folds: float) -> dict[int, Score]:
    return {n: Score(value, value / 2, 7, 3, (), ()) for n, value in enumerate(folds)}


def trained(target: str, fold: int, predictions) -> TrainedRun:
    """A run that validates on all clips that it predicts."""
    return TrainedRun(target, fold, frozenset(), tuple(predictions), [], 1, predictions)


def by_statistics(x, y) -> float:
    """CCC by Python's module `statistics`, with population moments."""
    mx, my = statistics.fmean(x), statistics.fmean(y)
    covariance = statistics.fmean((a - mx) * (b - my) for a, b in zip(x, y))
    return 2 * covariance / (statistics.pvariance(x) + statistics.pvariance(y) + (mx - my) ** 2)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_ccc_of_the_golden_cases(case):
    assert ccc(case["prediction"], case["truth"]) == pytest.approx(case["ccc"], abs=1e-12)


def test_the_ccc_of_a_shift_by_one_is_that_computed_by_hand():
    # Variances 2/3 and 2/3, covariance 2/3, means 1 apart: (2 * 2/3) / (2/3 + 2/3 + 1) = 4/7.
    result = metrics.score({"a": (np.array([0.0, 1, 2]), np.array([1.0, 2, 3]))})
    assert result.ccc == pytest.approx(4 / 7)
    assert result.ccc_clip_mean == pytest.approx(4 / 7)


def test_a_fold_has_the_ccc_of_its_clips_concatenated_and_the_mean_over_clips():
    a = np.array([0.1, 0.5, -0.2]), np.array([0.2, 0.4, -0.4])
    b = np.array([0.9, 0.7, 0.8, 0.1, 0.3]), np.array([0.5, 0.6, 0.9, 0.2, -0.1])
    result = metrics.score({"a": a, "b": b})
    assert result.ccc == pytest.approx(by_statistics([*a[0], *b[0]], [*a[1], *b[1]]))
    per_clip = by_statistics(*map(list, a)), by_statistics(*map(list, b))
    assert result.ccc_clip_mean == pytest.approx(statistics.fmean(per_clip))
    assert (result.frames, result.clips) == (8, 2)


values = st.floats(-1, 1, width=32)


@given(st.lists(st.tuples(values, values, st.booleans(), values), min_size=2, max_size=31))
@settings(deadline=None)
def test_predictions_at_unlabelled_frames_change_nothing(frames):
    prediction, truth, unlabelled, other = map(np.array, zip(*frames))
    truth = np.where(unlabelled, NAN, truth)
    changed = np.where(unlabelled, other, prediction)
    assert metrics.score({"a": (prediction, truth)}) == metrics.score({"a": (changed, truth)})


@given(st.lists(st.tuples(values, values), min_size=2, max_size=31), st.integers(1, 30))
@settings(deadline=None)
def test_a_fold_is_the_same_however_its_frames_are_cut_into_clips(frames, at):
    prediction, truth = map(np.array, zip(*frames))
    whole = metrics.score({"a": (prediction, truth)})
    cut = metrics.score({"a": (prediction[:at], truth[:at]), "b": (prediction[at:], truth[at:])})
    assert (cut.ccc, cut.frames) == (whole.ccc, whole.frames)


def test_a_clip_without_a_labelled_frame_is_left_out_and_named():
    a = np.array([0.1, 0.5, -0.2]), np.array([0.2, 0.4, -0.4])
    result = metrics.score({"a": a, "mute": (np.array([5.0, 6.0]), np.array([NAN, NAN]))})
    assert result[:4] == metrics.score({"a": a})[:4]
    assert result.unlabelled == ("mute",)
    assert "Fold 0, valence: no labelled frame, left out: mute." in metrics.notes(
        {"valence": {0: result}}
    )


def test_constant_labels_have_a_ccc_of_0_by_definition_and_are_named():
    a = np.array([0.1, 0.5]), np.array([0.1, 0.5])
    flat = np.array([0.1, 0.5]), np.array([0.25, 0.25])
    result = metrics.score({"a": a, "flat": flat})
    assert result.ccc_clip_mean == pytest.approx(0.5)
    assert result.constant == ("flat",)
    assert "flat" in metrics.notes({"arousal": {2: result}})[0]


def test_notes_name_only_some_of_many_clips():
    names = tuple(f"c{number}" for number in range(11))
    (note,) = metrics.notes({"valence": {0: Score(0.5, 0.5, 7, 3, names, ())}})
    assert note.endswith("c4, c5 and 5 more.")


def test_a_fold_without_a_labelled_frame_is_a_problem():
    run = trained("arousal", 1, {"a": np.zeros(3, np.float32)})
    with pytest.raises(Problem, match=r"arousal-1: found no labelled frame .* fold 1"):
        metrics.score_run(run, {"a": np.full(3, NAN)})


def test_a_clips_own_ccc_is_that_of_its_labelled_frames():
    """The result has the validation clips with a labelled frame, by name."""
    truth = {
        "b": np.array([0.1, NAN, 0.4]),
        "a": np.array([0.3, 0.2]),
        "other": np.zeros(5),
    }
    predictions = {"b": np.array([0.2, 0.7, 0.1]), "a": np.array([0.1, 0.5])}
    of_valence = metrics.clip_cccs(trained("valence", 0, predictions), truth)
    assert list(of_valence) == ["a", "b"]
    assert of_valence["a"] == pytest.approx(by_statistics([0.1, 0.5], [0.3, 0.2]))
    assert of_valence["b"] == pytest.approx(by_statistics([0.2, 0.1], [0.1, 0.4]))
    truth = {"b": np.array([0.9, 0.4, 0.5]), "a": np.array([NAN, NAN])}
    of_arousal = metrics.clip_cccs(trained("arousal", 0, predictions), truth)
    assert of_arousal == {"b": pytest.approx(by_statistics([0.2, 0.7, 0.1], [0.9, 0.4, 0.5]))}


def test_metrics_have_exactly_these_keys():
    summary = metrics.summary({"arousal": scored(0.2, 0.6), "valence": scored(0.5, 0.5)})
    assert list(summary) == ["arousal", "valence", "mean"]
    assert list(summary["mean"]) == ["ccc"]
    for target in ("valence", "arousal"):
        assert list(summary[target]) == ["ccc", "ccc_std", "folds"]
        assert list(summary[target]["folds"]) == ["0", "1"]
        assert list(summary[target]["folds"]["1"]) == ["ccc", "ccc_clip_mean", "frames", "clips"]


def test_the_summary_has_mean_and_population_std_over_folds():
    summary = metrics.summary({"valence": scored(0.2, 0.6), "arousal": scored(0.7, 0.9)})
    assert (summary["valence"]["ccc"], summary["valence"]["ccc_std"]) == (0.4, 0.2)
    assert (summary["arousal"]["ccc"], summary["arousal"]["ccc_std"]) == (0.8, 0.1)
    assert summary["mean"]["ccc"] == 0.6


def test_a_target_that_was_not_run_is_absent():
    summary = metrics.summary({"arousal": scored(0.25, 0.75)})
    assert list(summary) == ["arousal", "mean"]
    assert summary["mean"]["ccc"] == summary["arousal"]["ccc"] == 0.5


def test_the_table_has_one_row_per_fold_and_mean_and_std_below():
    scores = {"valence": scored(0.2, 0.6), "arousal": scored(0.7, 0.9)}
    other = {"other": {"valence": {0: 0.1, 1: 0.3}, "arousal": {0: 0.5, 1: 0.7}}}
    lines = [line.split(",") for line in table.csv_text(scores, other).splitlines()]
    assert [line[:4] for line in lines] == [
        ["fold", "valence", "arousal", "mean"],
        ["0", "0.200000", "0.700000", "0.450000"],
        ["1", "0.600000", "0.900000", "0.750000"],
        ["mean", "0.400000", "0.800000", "0.600000"],
        ["std", "0.200000", "0.100000", "0.150000"],
    ]
    assert [line[4:7] for line in lines[:2]] == [
        ["valence_clip_mean", "arousal_clip_mean", "mean_clip_mean"],
        ["0.100000", "0.350000", "0.225000"],
    ]
    assert [line[7:] for line in lines] == [
        ["valence_other", "arousal_other", "mean_other"],
        ["0.100000", "0.500000", "0.300000"],
        ["0.300000", "0.700000", "0.500000"],
        ["0.200000", "0.600000", "0.400000"],
        ["0.100000", "0.100000", "0.100000"],
    ]


def test_the_markdown_table_is_aligned():
    lines = table.markdown({"valence": scored(-0.2, 0.6), "arousal": scored(0.7, 0.9)}).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[0] == ["Validation set", "Valence", "Arousal", "Mean"]
    assert cells[2] == ["Fold 0", "-0.200", "0.700", "0.250"]
    assert cells[4] == ["Mean ± std", "0.200 ± 0.400", "0.800 ± 0.100", "0.500 ± 0.250"]
    assert cells[7] == ["Fold 0", "-0.100", "0.350", "0.125"]  # the clips' mean

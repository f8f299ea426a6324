"""CCC by the other conventions in use, against Python's module `statistics` and by hand."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scoring_world import VALIDATION, make, table

from rjcma.concordance import ccc
from rjcma.scoring.conventions import CONVENTIONS, n_minus_1, released
from stages import score

values = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=17)
TARGETS = ("valence", "arousal")


def by_statistics(x, y, covariance) -> float:
    """CCC with variances over N - 1 and this covariance."""
    shift = statistics.fmean(x) - statistics.fmean(y)
    return 2 * covariance / (statistics.variance(x) + statistics.variance(y) + shift**2)


def over_n(x, y) -> float:
    mx, my = statistics.fmean(x), statistics.fmean(y)
    return statistics.fmean((a - mx) * (b - my) for a, b in zip(x, y))


@given(st.data())
def test_moments_are_divided_as_each_convention_says(data):
    x = data.draw(values)
    y = data.draw(st.lists(st.floats(-1, 1, width=32), min_size=len(x), max_size=len(x)))
    assume(np.ptp(x) > 1e-3 and np.ptp(y) > 1e-3)
    given_x, given_y = np.array(x), np.array(y)
    expected = by_statistics(x, y, statistics.covariance(x, y))
    assert n_minus_1(given_x, given_y) == pytest.approx(expected, abs=1e-9)
    expected = by_statistics(x, y, over_n(x, y))
    assert released(given_x, given_y) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("convention", [ccc, n_minus_1, released])
def test_a_series_that_never_changes_gives_0(convention):
    rising, flat = np.array([0.1, 0.2, 0.4]), np.full(3, 0.2)
    for pair in ((rising, flat), (flat, rising), (flat, flat), (rising[:1], flat[:1])):
        assert convention(*pair) == 0
    assert convention(rising[:0], flat[:0]) == 0


def test_only_the_mixed_convention_denies_that_a_series_agrees_with_itself():
    series = np.array([0.3, -0.2, 0.5, 0.9])
    assert ccc(series, series) == pytest.approx(1) == n_minus_1(series, series)
    assert released(series, series) == pytest.approx(3 / 4)


def test_without_a_shift_n_minus_1_changes_nothing():
    x, y = np.array([0.1, 0.4, -0.5]), np.array([-0.1, 0.3, -0.2])
    assert n_minus_1(x, y) == pytest.approx(ccc(x, y))
    assert n_minus_1(x + 0.5, y) > ccc(x + 0.5, y)


def test_long_series_agree_in_all_conventions():
    random = np.random.default_rng(1)
    x = random.normal(size=100_000)
    y = x + random.normal(size=100_000) + 0.3
    for convention in CONVENTIONS.values():
        assert convention(x, y) == pytest.approx(ccc(x, y), abs=2e-5)


def test_the_table_has_columns_of_each_convention(tmp_path):
    world = make(tmp_path)
    score.main(world.manifest, world.labels, world.runs, world.report, world.params)
    rows = table(world.report / "table.csv")
    suffixes = ["", *(f"_{name}" for name in ("clip_mean", "n_minus_1", "released"))]
    three = [*TARGETS, "mean"]
    assert list(rows[0]) == ["fold", *(name + suffix for suffix in suffixes for name in three)]
    for fold, clips in VALIDATION.items():
        found = {name: float(cell) for name, cell in rows[fold].items()}
        for column, target in enumerate(TARGETS):
            pairs = []
            for clip in clips:
                truth = world.truth[clip][:, column]
                labelled = ~np.isnan(truth)
                made = world.predictions[target, fold][clip][labelled]
                pairs.append((made.astype(float).tolist(), truth[labelled].astype(float).tolist()))
            x, y = ([v for pair in pairs for v in pair[n]] for n in (0, 1))
            expected = by_statistics(x, y, statistics.covariance(x, y))
            assert found[f"{target}_n_minus_1"] == pytest.approx(expected, abs=1e-6)
            expected = by_statistics(x, y, over_n(x, y))
            assert found[f"{target}_released"] == pytest.approx(expected, abs=1e-6)
            of_clips = [ccc(*pair) for pair in pairs]
            expected = statistics.fmean(of_clips)
            assert found[f"{target}_clip_mean"] == pytest.approx(expected, abs=1e-6)
        for suffix in suffixes:
            both = [found[target + suffix] for target in TARGETS]
            assert found["mean" + suffix] == pytest.approx(statistics.fmean(both), abs=1e-6)
    for name in set(rows[0]) - {"fold"}:
        cells = [float(row[name]) for row in rows]
        assert rows[3]["fold"] == "mean" and rows[4]["fold"] == "std"
        assert cells[3] == pytest.approx(statistics.fmean(cells[:3]), abs=1e-6)
        assert cells[4] == pytest.approx(statistics.pstdev(cells[:3]), abs=1e-6)

"""Several raters become one: against published weights and against plain loops."""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np
import pytest
from places import GOLDEN
from scipy.signal import savgol_filter

from rjcma.annotations.gold import fuse
from rjcma.annotations.read import read
from rjcma.annotations.settings import Annotations
from rjcma.annotations.smooth import smoothed
from rjcma.annotations.times import Rating
from rjcma.concordance import ccc
from rjcma.params import checked

CLIPS = json.loads((GOLDEN / "ewe.json").read_text())["clips"]
KINDS = {
    "ewe_ccc": ("weights_mean_pairwise_ccc", "ewe_ccc_first10"),
    "ewe_correlation": ("weights_correlation_with_others_mean", "ewe_correlation_first10"),
}
SHARED = Path(os.environ.get("RJCMA_SHARED", "/nowhere")) / "annotations_real/muse_toolbox"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real annotations are not here")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clip", CLIPS)
def test_real_raters_have_the_weights_and_the_gold_standard_of_the_toolbox(clip, kind):
    weights, first = (CLIPS[clip][key] for key in KINDS[kind])
    rows = len((SHARED / f"raw/arousal/{clip}.csv").read_text().splitlines()) - 1
    section = {"files": "raw/{target}/{clip}.csv", "gold": kind, "time": {"stamp": "end"}}
    settings = checked(Annotations, section, "annotations", "params")
    rating = Rating(clip, SHARED, "", np.arange(rows) / 2, 0.0, 2.0, rows / 2)
    rated = read(rating, settings, ["arousal"])
    np.testing.assert_allclose(list(rated.weights["arousal"].values()), weights, atol=1e-7)
    np.testing.assert_allclose(rated.labels[:10, 0], first, atol=1e-7)
    if kind == "ewe_ccc":
        assert abs(rated.labels.mean() - CLIPS[clip]["ewe_ccc_mean"]) < 1e-6
        assert abs(rated.labels.std() - CLIPS[clip]["ewe_ccc_std"]) < 1e-6


def loop_weights(raters: list[list[float]], kind: str) -> list[float]:
    """The same by plain loops over lists."""

    def moments(x: list[float], y: list[float]) -> tuple[float, float, float]:
        covariance = fmean((a - fmean(x)) * (b - fmean(y)) for a, b in zip(x, y))
        return covariance, pstdev(x), pstdev(y)

    raw = []
    for k, one in enumerate(raters):
        others = [other for j, other in enumerate(raters) if j != k]
        if kind == "ewe_correlation":
            mean = [fmean(column) for column in zip(*others)]
            covariance, s, t = moments(one, mean)
            raw.append(max(0.0, covariance / (s * t)))
        else:
            pairs = [(*moments(one, other), fmean(one) - fmean(other)) for other in others]
            ccc = fmean(2 * c / (s * s + t * t + d * d) for c, s, t, d in pairs)
            raw.append(max(0.0, ccc))
    return [weight / sum(raw) for weight in raw]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_those_of_plain_loops(kind):
    generator = np.random.default_rng(3)
    truth = np.cumsum(generator.normal(size=53)) / 10
    noise = generator.normal(size=(5, 53)) * np.array([[0.1], [0.3], [0.5], [0.9], [0.2]])
    raters = truth * np.array([[1], [0.5], [0.8], [1], [-1]]) + noise  # the last one contradicts
    weights = loop_weights(raters.tolist(), kind)
    fused = fuse(raters, kind)
    assert weights[-1] == 0
    np.testing.assert_allclose(fused.weights, weights, atol=1e-12)
    plain = [sum(w * v for w, v in zip(weights, column)) for column in zip(*raters.tolist())]
    np.testing.assert_allclose(fused.values, plain, atol=1e-12)


def test_agreement_is_correlation_and_ccc_with_the_mean_of_the_others():
    raters = np.random.default_rng(5).normal(size=(3, 37))
    for rater, found in enumerate(fuse(raters, "mean").agreement):
        others = np.delete(raters, rater, axis=0).mean(axis=0)
        assert found.correlation == pytest.approx(np.corrcoef(raters[rater], others)[0, 1])
        assert found.ccc == pytest.approx(ccc(raters[rater], others))


@pytest.mark.parametrize("kind", ["mean", "median", *KINDS])
def test_a_rater_who_never_moves_has_no_weight_and_changes_nothing(kind):
    raters = np.random.default_rng(7).normal(size=(3, 29))
    still = fuse(np.vstack([raters, np.full(29, 0.7)]), kind)
    alone = fuse(raters, kind)
    assert still.still == [3] and still.weights[3] == 0
    np.testing.assert_allclose(still.values, alone.values, atol=1e-12)
    np.testing.assert_allclose(still.weights[:3], alone.weights, atol=1e-12)
    assert [a.ccc for a in still.agreement[:3]] == pytest.approx([a.ccc for a in alone.agreement])


@pytest.mark.parametrize("kind", KINDS)
def test_raters_who_contradict_each_other_count_equally(kind):
    x = np.sin(np.arange(31))
    fused = fuse(np.stack([x, -x]), kind)
    assert fused.equal and fused.weights.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(fused.values, 0, atol=1e-12)


def test_raters_who_are_all_still_count_equally():
    fused = fuse(np.array([[0.1] * 5, [0.3] * 5]), "ewe_ccc")
    assert fused.equal and not fused.still
    np.testing.assert_allclose(fused.values, 0.2)


@pytest.mark.parametrize("kind", ["mean", "median", *KINDS])
def test_where_a_rater_has_no_value_the_others_count(kind):
    raters = np.random.default_rng(11).normal(size=(3, 41))
    raters[0, 20:] = raters[1, 30:] = raters[2, 40:] = np.nan
    fused = fuse(raters, kind)
    np.testing.assert_allclose(fused.values[30:40], raters[2, 30:40])
    if kind != "median":
        pair = fused.weights[1:] / fused.weights[1:].sum() if fused.weights[1:].any() else [0.5] * 2
        np.testing.assert_allclose(fused.values[20:30], pair @ raters[1:, 20:30])
    assert np.isnan(fused.values[40])


def test_standardised_raters_keep_the_mean_and_spread_of_all():
    raters = np.array([[1.0], [3.0]]) * np.sin(np.arange(40)) + np.array([[0.2], [-0.4]])
    fused = fuse(raters, "mean", standardise=True)
    shape = (np.sin(np.arange(40)) - np.sin(np.arange(40)).mean()) / np.sin(np.arange(40)).std()
    np.testing.assert_allclose(
        fused.values, raters.mean() + raters.std(axis=1).mean() * shape, atol=1e-12
    )


def test_centred_raters_do_not_jump_where_one_ends():
    slow = np.linspace(0, 0.1, 20)
    raters = np.stack([slow + 0.5, slow - 0.5])
    raters[1, 10:] = np.nan
    jump = np.abs(np.diff(fuse(raters, "mean").values)).max()
    smooth = np.abs(np.diff(fuse(raters, "mean", centre=True).values)).max()
    assert jump > 0.4 and smooth < 0.05


def test_smoothing_is_savgol_between_gaps():
    generator = np.random.default_rng(13)
    times = np.concatenate([np.arange(40), np.arange(60, 100)]) / 25
    values = generator.normal(size=80)
    found = smoothed(times, values, window=0.44, order=2, longest=0.2)  # 11 samples
    parts = [savgol_filter(part, 11, 2) for part in (values[:40], values[40:])]
    np.testing.assert_allclose(found, np.concatenate(parts))
    short = smoothed(times[:9], values[:9], window=0.44, order=2, longest=0.2)
    np.testing.assert_array_equal(short, values[:9])


@pytest.mark.parametrize("kind", ["mean", "median", *KINDS])
def test_a_missing_value_takes_another_way_to_the_same_weights(kind):
    raters = np.random.default_rng(17).normal(size=(5, 67)) + np.sin(np.arange(67))
    raters[4] = 0.3
    whole = fuse(raters, kind)
    part = fuse(np.hstack([raters, np.full((5, 1), np.nan)]), kind)
    np.testing.assert_allclose(part.weights, whole.weights, atol=1e-12)
    np.testing.assert_allclose(part.agreement, whole.agreement, atol=1e-12)
    np.testing.assert_allclose(part.values[:-1], whole.values, atol=1e-12)

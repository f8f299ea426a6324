"""Several raters become one: against published weights and against plain loops."""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np
import pytest
from places import GOLDEN

from rjcma.annotations.gold import fuse
from rjcma.annotations.read import read
from rjcma.annotations.settings import Annotations
from rjcma.annotations.times import Rating
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

"""The correlation matrices that pages show, against equations 1 to 10 in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fusion_world import BATCH, GATES, KINDS, WIDTHS, K, everywhere, features, first, kind, seeded

from rjcma.fusion.correlations import has_correlations, recorded
from rjcma.fusion.rjcma import RJCMA


def cell(weights, x, m, i, k):
    """C_m of frame i of X_m and frame k of J, by equations 1 to 4 of the paper."""
    stacked = np.concatenate([x[name][:, k] for name in x])
    j = weights["fc.weight"] @ stacked + weights["fc.bias"]
    return math.tanh(float(x[m][:, i] @ weights[f"w_j.{m}"] @ j) / math.sqrt(len(stacked)))


def attended(weights, x, m, c):
    """Equations 5 to 10: what follows from C_m."""
    h = np.maximum(x[m] @ weights[f"w_c.{m}"] @ c, 0)
    return h @ weights[f"w_h.{m}"] + x[m]


def arrays(module):
    return {name: value.detach().numpy() for name, value in module.named_parameters()}


@pytest.mark.parametrize("modalities", [["visual", "audio", "text"], ["text", "visual"]])
def test_each_recursion_correlates_frames_with_frames_as_the_paper_says(modalities):
    widths = {m: WIDTHS[m] for m in modalities}
    module = seeded(RJCMA(widths, K, 3))
    x = features(widths=widths)
    with recorded(module) as found:
        result = module(x, everywhere()).detach().numpy()
    assert len(found) == 3
    for b in range(BATCH):
        now = {m: x[m][b].numpy() for m in x}
        for step, matrices in zip(module.recursions, found, strict=True):
            weights = arrays(step)
            expected = {
                m: np.array([[cell(weights, now, m, i, k) for k in range(K)] for i in range(K)])
                for m in now
            }
            for m in now:
                np.testing.assert_allclose(matrices[m][b].detach(), expected[m], atol=1e-9)
            now = {m: attended(weights, now, m, expected[m]) for m in now}
        np.testing.assert_allclose(result[b], np.concatenate(list(now.values())), atol=1e-9)


def test_columns_and_rows_of_padded_frames_are_zero():
    module = seeded(RJCMA(WIDTHS, K, 2))
    with recorded(module) as found:
        module(features(), first(3))
    for matrices in found:
        for c in matrices.values():
            assert not c[:, 3:].any() and not c[:, :, 3:].any() and c[:, :3, :3].any()


def test_a_second_pass_replaces_the_first():
    module = seeded(RJCMA(WIDTHS, K, 2))
    with recorded(module) as found:
        module(features(seed=1), everywhere())
        before = [{m: c.clone() for m, c in step.items()} for step in found]
        module(features(seed=2), everywhere())
        assert len(found) == 2 and not torch.equal(found[0]["audio"], before[0]["audio"])


def test_recording_changes_no_output_and_ends():
    module, x = seeded(RJCMA(WIDTHS, K, 2)), features()
    alone = module(x, everywhere())
    with recorded(module) as found:
        assert torch.equal(module(x, everywhere()), alone)
    found.clear()
    module(x, everywhere())
    assert found == []


@pytest.mark.parametrize("gate", GATES)
def test_under_gates_they_are_those_without_gates(gate):
    gated, plain = kind(f"rjcma_{gate}", recursions=3), kind("rjcma", recursions=3)
    plain.load_state_dict(gated.state_dict(), strict=False)
    x = features()
    with recorded(gated) as found, recorded(plain) as expected:
        gated(x, first(3)), plain(x, first(3))
    assert len(found) == 3
    torch.testing.assert_close(found, expected)


def test_only_the_papers_fusion_has_them_with_or_without_gates():
    papers = [name for name in KINDS if name.startswith("rjcma")]
    assert [name for name in KINDS if has_correlations(kind(name))] == papers

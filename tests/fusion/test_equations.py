"""Equations 1 to 14 of the paper, against loops that follow them symbol by symbol."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fusion_world import BATCH, WIDTHS, K, everywhere, features, first, seeded

from rjcma.fusion.rjcma import RJCMA, JointCrossAttention


def product(a, b):
    """A matrix product, entry by entry."""
    (rows, inner), columns = a.shape, b.shape[1]
    return np.array(
        [
            [sum(a[i, n] * b[n, j] for n in range(inner)) for j in range(columns)]
            for i in range(rows)
        ]
    )


def by_the_paper(attention, x):
    """Equations 1 to 10 for one window; `x` is each modality's (d_m, K) as an array."""
    weights = {name: value.detach().numpy() for name, value in attention.named_parameters()}
    stacked = np.concatenate([x[m] for m in x])
    j = product(weights["fc.weight"], stacked) + weights["fc.bias"][:, None]
    attended = {}
    for m in x:
        c = np.tanh(product(product(x[m].T, weights[f"w_j.{m}"]), j) / math.sqrt(len(stacked)))
        h = np.maximum(product(product(x[m], weights[f"w_c.{m}"]), c), 0)
        attended[m] = product(h, weights[f"w_h.{m}"]) + x[m]
    return attended


@pytest.mark.parametrize("recursions", [1, 3])
@pytest.mark.parametrize("modalities", [["visual", "audio", "text"], ["audio", "visual"], ["text"]])
def test_the_attention_is_the_papers_equations(recursions, modalities):
    widths = {m: WIDTHS[m] for m in modalities}
    module = seeded(RJCMA(widths, K, recursions))
    x = features(widths=widths)
    result = module(x, everywhere()).detach().numpy()
    for b in range(BATCH):
        attended = {m: x[m][b].numpy() for m in x}
        for attention in module.recursions:
            attended = by_the_paper(attention, attended)
        expected = np.concatenate([attended[m] for m in modalities])
        np.testing.assert_allclose(result[b], expected, rtol=1e-9, atol=1e-12)


def test_each_recursion_has_weights_of_its_own():
    module = RJCMA(WIDTHS, K, recursions=3)
    names = {name.split(".", 2)[2] for name, _ in module.named_parameters()}
    assert len(list(module.parameters())) == 3 * len(names)
    assert {f"w_{kind}.{m}" for kind in "jch" for m in WIDTHS} < names


def test_temporal_weights_start_near_the_identity():
    attention = JointCrossAttention(WIDTHS, K)
    for m in WIDTHS:
        assert torch.equal(attention.w_c[m] * K, torch.eye(K))
        assert torch.equal(attention.w_h[m], torch.eye(K) * 0.1)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_padded_window_is_fused_as_a_network_of_its_own_length_would(length):
    module = seeded(RJCMA(WIDTHS, K, 3))
    short = seeded(RJCMA(WIDTHS, length, 3))
    weights = {
        name: value[:length, :length] if ".w_c." in name or ".w_h." in name else value
        for name, value in module.state_dict().items()
    }
    short.load_state_dict(weights)
    x = features()
    valid = first(length)
    own = short({m: x[m][:, :, :length] for m in x}, everywhere(length))
    torch.testing.assert_close(module(x, valid)[:, :, :length], own)

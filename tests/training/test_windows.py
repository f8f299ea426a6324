"""Windows and the loss, against known values."""

from __future__ import annotations

import json
import math

import numpy as np
import places
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma.concordance import ccc
from rjcma.training.loss import concordance_losses
from rjcma.training.settings import Training
from rjcma.training.windows import Windows, fixed, random

GOLDEN = json.loads((places.GOLDEN / "windows.json").read_text())["windows"]


@pytest.mark.parametrize("frames", GOLDEN, ids=str)
def test_fixed_windows_are_those_of_the_reference(frames):
    assert [list(window) for window in fixed(int(frames), Windows())] == GOLDEN[frames]


@given(
    frames=st.integers(1, 400),
    size=st.integers(1, 90),
    stride=st.integers(1, 90),
    seed=st.integers(0),
)
def test_random_windows_are_as_many_and_as_long_as_fixed_ones(frames, size, stride, seed):
    windows = Windows(frames=size, stride=stride, offsets="random")
    drawn = random(frames, windows, np.random.default_rng(seed))
    assert len(drawn) == len(fixed(frames, windows))
    assert {stop - start for start, stop in drawn} == {min(size, frames)}
    assert all(start >= 0 and stop <= frames for start, stop in drawn)


def test_random_windows_reach_every_offset_of_a_clip():
    generator = np.random.default_rng(0)
    windows = Windows(frames=7, stride=5, offsets="random")
    drawn = [window for _ in range(99) for window in random(17, windows, generator)]
    assert {window.start for window in drawn} == set(range(11))


def series(rows, frames):
    return st.lists(st.floats(-1, 1, width=32), min_size=rows * frames, max_size=rows * frames).map(
        lambda values: np.array(values, np.float32).reshape(rows, frames)
    )


@settings(deadline=None)
@given(prediction=series(3, 7), truth=series(3, 7), mask=st.integers(0, 2**21 - 1))
def test_the_loss_is_one_minus_the_mean_ccc_of_the_windows_labelled_frames(prediction, truth, mask):
    labelled = np.array([mask >> bit & 1 for bit in range(21)], bool).reshape(3, 7)
    labelled[:, 2] = True
    expected = np.mean(
        [1 - ccc(x[seen], y[seen]) for x, y, seen in zip(prediction, truth, labelled, strict=True)]
    )
    truth = np.where(labelled, truth, np.nan).astype(np.float32)
    loss = concordance_losses(torch.from_numpy(prediction), torch.from_numpy(truth)).mean()
    spread = min(
        np.ptp(y[seen]) + np.ptp(x[seen]) for x, y, seen in zip(prediction, truth, labelled)
    )
    if spread > 1e-2:  # for less, float32 and EPSILON change the value
        assert math.isclose(loss.item(), expected, abs_tol=1e-3)
    assert 0 <= loss.item() <= 2 + 1e-6


@pytest.mark.parametrize("truth", [[0.5, 0.5, 0.5], [math.nan, 0.5, math.nan]])
def test_constant_labels_have_a_loss_of_one_and_no_gradient(truth):
    prediction = torch.tensor([[0.1, 0.5, 0.3]], requires_grad=True)
    loss = concordance_losses(prediction, torch.tensor([truth])).sum()
    loss.backward()
    assert loss.item() == 1 and prediction.grad.abs().max() < 1e-6


def test_predictions_of_unlabelled_frames_do_not_enter_the_loss():
    truth = torch.tensor([[0.1, math.nan, 0.7, 0.2]])
    prediction = torch.tensor([[0.2, 5.0, 0.5, 0.1]], requires_grad=True)
    concordance_losses(prediction, truth).sum().backward()
    assert prediction.grad[0, 1] == 0 and prediction.grad.isfinite().all()


def test_a_rate_below_its_minimum_is_refused():
    with pytest.raises(ValueError, match="a learning_rate of at least min_learning_rate, 1e-08"):
        Training(learning_rate=1e-9)

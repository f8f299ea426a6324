"""The TCN, the regression layers, and the whole network."""

from __future__ import annotations

import golden_nets
import numpy as np
import pytest
import torch
from fusion_world import settings
from pydantic import TypeAdapter
from torch import nn

from rjcma.encoders.compact_audio import CompactAudio
from rjcma.encoders.compact_visual import CompactVisual
from rjcma.fusion.head import Head
from rjcma.fusion.modality_dropout import ModalityDropout
from rjcma.fusion.network import build
from rjcma.fusion.settings import Fusion, Recursions
from rjcma.fusion.tcn import TCN
from rjcma.params import load
from rjcma.problem import Problem

BATCH, K = 2, 13
SMALL = settings("rjcma", widths={"visual": 7, "audio": 3, "text": 5}, hidden=11)


def golden_name(ours: str) -> str:
    """The reference's name of a TCN parameter, whose convolutions are `net.0` and `net.4`."""
    block, part, *_, leaf = ours.split(".")
    if part == "residual":
        return f"network.{block}.downsample.{leaf}"
    conv = {"first": "net.0", "second": "net.4"}[part]
    leaf = {"original0": "weight_g", "original1": "weight_v"}.get(leaf, leaf)
    return f"network.{block}.{conv}.{leaf}"


def test_the_tcn_gives_the_values_of_the_reference_network():
    weights, tcn = golden_nets.weights("tcn"), TCN(512, [256, 256, 128, 128]).eval()
    tcn.load_state_dict({name: weights[golden_name(name)] for name in tcn.state_dict()})
    with torch.no_grad():
        outputs = tcn(golden_nets.inputs("tcn_in", (2, 512, 300))).numpy()
    expected = golden_nets.outputs("tcn_out").numpy()
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("frame", [1, 7, K - 1])
def test_a_frame_of_the_tcn_depends_on_no_later_one(frame):
    torch.manual_seed(0)
    tcn = TCN(3, [5, 7]).eval()
    x = torch.randn(BATCH, 3, K)
    y = x.clone()
    y[:, :, frame:] += 1
    before, after = tcn(x), tcn(y)
    assert torch.equal(before[:, :, :frame], after[:, :, :frame])
    assert not torch.isclose(before[:, :, frame], after[:, :, frame]).all()


def test_the_head_treats_each_frame_alone():
    torch.manual_seed(0)
    head = Head(3, 5, 0.0)
    x = torch.randn(BATCH, 3, K)
    whole = head(x)
    assert whole.shape == (BATCH, K)
    torch.testing.assert_close(whole[:, 4:5], head(x[:, :, 4:5]))


def test_predictions_stay_in_the_range_of_annotations():
    torch.manual_seed(0)
    values = Head(3, 5, 0.0)(1000 * torch.randn(BATCH, 3, K))
    assert values.abs().max() <= 1 and values.abs().max() > 0.99


class Vectors(nn.Module):
    """An encoder for values that are vectors already."""

    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, values):
        return values


def small_network(modalities=("visual", "audio", "text"), frames=K):
    torch.manual_seed(0)
    encoders = {"visual": CompactVisual(), "audio": CompactAudio(), "text": Vectors(2)}
    return build({m: encoders[m] for m in modalities}, SMALL, recursions=2, frames=frames).eval()


def values(count):
    generator = torch.Generator().manual_seed(1)
    shapes = {"visual": (3, 40, 40), "audio": (96, 64), "text": (2,)}
    return {m: torch.randn(count, *shape, generator=generator) for m, shape in shapes.items()}


@pytest.mark.parametrize(
    "modalities", [("visual",), ("text", "audio"), ("visual", "audio", "text")]
)
def test_any_modalities_give_a_value_a_frame(modalities):
    valid = torch.ones(BATCH, K, dtype=torch.bool)
    inputs = {m: values(BATCH * K)[m] for m in modalities}
    assert small_network(modalities)(inputs, valid).shape == (BATCH, K)


def test_a_shorter_window_beside_a_whole_one_is_predicted_as_it_is_alone():
    network, lengths = small_network(), [K, 5]
    valid = torch.arange(K) < torch.tensor(lengths)[:, None]
    inputs = values(sum(lengths))
    together = network(inputs, valid)
    alone = network({m: inputs[m][K:] for m in inputs}, valid[1:])
    torch.testing.assert_close(together[1:, :5], alone[:, :5], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("encoder", "shape"), [(CompactVisual, (3, 40, 40)), (CompactAudio, (96, 64))]
)
def test_a_compact_encoder_sees_each_frame_alone(encoder, shape):
    torch.manual_seed(0)
    encoder = encoder().eval()
    frames = torch.randn(7, *shape)
    vectors = encoder(frames)
    assert vectors.shape == (7, encoder.width)
    frames[1:] = 0
    torch.testing.assert_close(encoder(frames)[:1], vectors[:1], rtol=1e-4, atol=1e-6)
    assert vectors.isfinite().all() and encoder(torch.zeros_like(frames)).isfinite().all()


def test_log_mel_windows_may_come_with_a_channel():
    encoder, windows = CompactAudio(), torch.randn(5, 96, 64)
    assert torch.equal(encoder(windows), encoder(windows[:, None]))


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "true", "many"])
def test_recursions_are_a_positive_whole_number(value, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(f"recursions: {value}\n")
    with pytest.raises(Problem, match="recursions = "):
        load(path, "recursions", Recursions)
    assert TypeAdapter(Recursions).validate_python(3) == 3


@pytest.mark.parametrize("modalities", ["[]", "[audio, audio]", "[smell]"])
def test_modalities_that_make_no_sense_are_refused(modalities, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(f"fusion: {{kind: rjcma, modalities: {modalities}}}\n")
    with pytest.raises(Problem, match=r"fusion\.modalities"):
        load(path, "fusion", Fusion)


def test_modality_dropout_affects_whole_windows_and_only_in_training():
    torch.manual_seed(0)
    dropout, features = ModalityDropout(0.25), torch.ones(997, 3, 5)
    kept = dropout(features)
    assert set(kept.sum((1, 2)).tolist()) == {0.0, 15.0}
    assert (kept[:, 0, 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)
    assert torch.equal(dropout.eval()(features), features)


def test_edges_are_found_in_their_direction_at_any_contrast():
    """From dark to bright along x is direction 0; from bright to dark is the opposite, 4."""
    face = torch.full((1, 3, 40, 40), -0.5)
    face[..., 18:] = 0.5
    encoder = CompactVisual()
    rising, falling, faint = (encoder.edges(f)[0, :, 5, 4] for f in (face, -face, face * 0.3))
    assert rising.argmax() == 0 and falling.argmax() == 4
    torch.testing.assert_close(faint, rising, rtol=0.3, atol=0.03)
    plain = encoder.edges(torch.full_like(face, -1.0))
    assert plain[:, :, 1:-1, 1:-1].max() < 1e-5

"""The released code's fusion, against its own values and against loops from its description."""

from __future__ import annotations

import math

import golden_nets
import numpy as np
import pytest
import torch
from fusion_world import BATCH, WIDTHS, K, everywhere, features, first, kind, seeded

from rjcma.fusion.released import DROPOUT, CoAttention, Released

NUMBERS = {"visual": 1, "audio": 2, "text": 3}  # of the modalities, in the reference's names


def golden_name(ours: str) -> str:
    """The reference's name of a parameter: `layers.0.key.audio.bias` is that of `key2_linear`."""
    _, layer, part, modality, leaf = ours.split(".")
    number = NUMBERS[modality]
    if part == "linear":
        return f"dcn_layers.{layer}.linears.{number - 1}.0.{leaf}"
    return f"dcn_layers.{layer}.dense_coattn.{part}{number}_linear.{leaf}"


def test_it_gives_the_released_codes_values():
    weights = golden_nets.weights("released_fusion")
    module = Released({"visual": 256, "audio": 128, "text": 128}, frames=300, recursions=2).eval()
    names = {ours: golden_name(ours) for ours in module.state_dict()}
    unused = {name for name in weights if ".query_linear." in name}
    assert set(names.values()) == set(weights) - unused
    module.load_state_dict({ours: weights[name] for ours, name in names.items()})
    shape = {"visual": (2, 300, 256), "audio": (2, 300, 128), "text": (2, 300, 128)}
    inputs = {m: golden_nets.inputs(f"fusion_{m[0]}", shape[m]) for m in shape}
    with torch.no_grad():
        x = {m: inputs[m].mT.contiguous() for m in shape}
        fused = module(x, torch.ones(2, 300, dtype=torch.bool))
    for m, outputs in zip(shape, fused.split([256, 128, 128], dim=1), strict=True):
        expected = golden_nets.outputs(f"released_fusion_{m[0]}").numpy()
        tolerance = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(outputs.mT.numpy(), expected, rtol=1e-5, atol=tolerance)


def by_hand(layer: CoAttention, x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One layer for one window, entry by entry; `x` is each modality's (d_m, K)."""
    w = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    joint = np.concatenate([x[m] for m in x])
    d, frames, attended = len(joint), joint.shape[1], {}
    for m, own in x.items():
        key, value, correlation = np.zeros_like(own), np.zeros_like(own), np.zeros((len(own), d))
        for i in range(len(own)):
            for k in range(frames):
                key[i, k] = w[f"key.{m}.weight"][k] @ own[i] + w[f"key.{m}.bias"][k]
                value[i, k] = w[f"value.{m}.weight"][i] @ own[:, k] + w[f"value.{m}.bias"][i]
            for n in range(d):
                correlation[i, n] = math.tanh(sum(key[i] * joint[n]) / math.sqrt(d))
        result = np.zeros((d, frames))
        for n in range(d):
            for k in range(frames):
                result[n, k] = max(0.0, math.tanh(sum(value[:, k] * correlation[:, n])))
        attended[m] = own.copy()
        for i in range(len(own)):
            for k in range(frames):
                mixed = w[f"linear.{m}.weight"][i] @ result[:, k] + w[f"linear.{m}.bias"][i]
                attended[m][i, k] += max(0.0, mixed)
    return attended


@pytest.mark.parametrize("recursions", [1, 3])
@pytest.mark.parametrize("modalities", [("visual", "audio", "text"), ("text", "audio"), ("audio",)])
def test_it_gives_the_values_of_loops_from_its_description(recursions, modalities):
    module = kind("released", modalities, recursions=recursions)
    x = {m: features()[m] for m in modalities}
    fused = module(x, everywhere()).detach().numpy()
    for b in range(BATCH):
        attended = {m: x[m][b].numpy() for m in x}
        for layer in module.layers:
            attended = by_hand(layer, attended)
        expected = np.concatenate([attended[m] for m in modalities])
        np.testing.assert_allclose(fused[b], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_padded_window_is_fused_as_a_network_of_its_own_length_would(length):
    module = kind("released")
    short = seeded(Released(WIDTHS, length, 2)).eval()
    weights = {}
    for name, value in module.state_dict().items():
        cut = (slice(length),) * value.ndim if ".key." in name else (...,)
        weights[name] = value[cut]
    short.load_state_dict(weights)
    x = features()
    own = short({m: x[m][:, :, :length] for m in x}, everywhere(length))
    torch.testing.assert_close(module(x, first(length))[:, :, :length], own)


def test_each_layer_has_weights_of_its_own():
    module = Released(WIDTHS, K, recursions=3)
    assert len(list(module.parameters())) == 3 * len(list(module.layers[0].parameters()))


def test_dropout_acts_on_the_added_term_and_not_on_the_features():
    """In training, the values that are kept are scaled up, as in any dropout."""
    torch.manual_seed(0)
    module, x = kind("released", recursions=1), features()
    stacked = torch.cat(list(x.values()), dim=1)
    added = module(x, everywhere()) - stacked
    in_training = torch.stack([module.train()(x, everywhere()) - stacked for _ in range(97)])
    kept = in_training.abs() > 1e-12
    torch.testing.assert_close(in_training[kept], (added / (1 - DROPOUT)).expand_as(kept)[kept])
    share = kept.double().mean() / (added > 0).double().mean()
    assert share.item() == pytest.approx(1 - DROPOUT, abs=0.03)

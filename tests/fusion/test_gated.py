"""Gates over the states of a recursion, against their formulas in loops of plain numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fusion_world import BATCH, GATED, GATES, WIDTHS, K, everywhere, features, first, kind
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma.fusion.gated_released import SMALLEST
from rjcma.fusion.gates import DynamicGate, HierarchicalGate, StatesGate
from rjcma.fusion.module import FusionModule
from rjcma.fusion.released import Released
from rjcma.fusion.rjcma import RJCMA

CLASSES = {"dynamic": DynamicGate, "gated": StatesGate, "hierarchical": HierarchicalGate}


def shares(weights, gate, x):
    """softmax((W x + b) / 0.1) for one frame, x (d,)."""
    scores = weights[f"{gate}.scores.weight"] @ x + weights[f"{gate}.scores.bias"]
    powers = [math.exp(score / 0.1 - max(scores) / 0.1) for score in scores]
    return [power / sum(powers) for power in powers]


def mixed(weights, gate, states, x):
    """ReLU of the states of one frame, each times its share."""
    g = shares(weights, gate, x)
    assert len(g) == len(states)
    return np.maximum(sum(share * state for share, state in zip(g, states)), 0)


def by_the_successors(name, weights, x):
    """The output of a gate for one frame of one modality; x is X_0 to X_l, (d,) each."""
    if name.endswith("dynamic"):
        return mixed(weights, "gate", [x[0], x[-1]], x[-1])
    if name.endswith("gated"):
        return mixed(weights, "gate", x, x[-1])
    levels = [mixed(weights, f"gates.{i - 1}", x[: i + 1], x[i]) for i in range(1, len(x))]
    return levels[0] if len(levels) == 1 else mixed(weights, "last", levels, x[-1])


def states(module: FusionModule, x, window):
    """X_0 to X_l of one window, each modality's (d_m, K), from recursions that are tested alone."""
    papers = isinstance(module, RJCMA)
    start = {m: x[m][window].numpy().copy() for m in x}
    for values in start.values() if not papers else ():
        for k in range(K):
            values[:, k] /= math.sqrt(sum(value**2 for value in values[:, k]))
    found, ungated = [start], RJCMA if papers else Released
    for step in module.recursions if papers else module.layers:
        alone = ungated({m: WIDTHS[m] for m in x}, K, 1).double().eval()
        (alone.recursions if papers else alone.layers)[0] = step
        before = {m: torch.tensor(values)[None] for m, values in found[-1].items()}
        after = alone(before, everywhere()[:1])[0].detach().numpy()
        ends = np.cumsum([WIDTHS[m] for m in x])[:-1]
        found.append(dict(zip(x, np.split(after, ends), strict=True)))
    return found


@pytest.mark.parametrize("recursions", [1, 2, 3])
@pytest.mark.parametrize("modalities", [("audio", "visual"), ("visual", "audio", "text")])
@pytest.mark.parametrize("name", GATED)
def test_the_gates_are_the_successors_formulas(name, modalities, recursions):
    module = kind(name, modalities, recursions=recursions)
    x = {m: features()[m] for m in modalities}
    fused = module(x, everywhere()).detach().numpy()
    for b in range(BATCH):
        found, expected = states(module, x, b), []
        for m in modalities:
            gate = module.gates.of[m].named_parameters()
            weights = {name: value.detach().numpy() for name, value in gate}
            expected += [
                [by_the_successors(name, weights, [s[m][:, k] for s in found]) for k in range(K)]
            ]
        stacked = np.concatenate([np.array(frames).T for frames in expected])
        np.testing.assert_allclose(fused[b], stacked, rtol=1e-9, atol=1e-12)


def test_a_gate_by_hand():
    """Scores of 0 and 0.1 ln 3 give shares of 1/4 and 3/4: 1/4 (4, -8) + 3/4 (0, 2) = (1, -0.5)."""
    gate = DynamicGate(2, recursions=3).double()
    gate.gate.scores.weight.data = torch.tensor([[0.0, 0], [0, 0.05 * math.log(3)]]).double()
    gate.gate.scores.bias.data.zero_()
    first_state, last = (torch.tensor(v).double().view(1, 2, 1) for v in ([4.0, -8], [0.0, 2]))
    between = torch.full_like(last, 17)  # DCA does not look at it
    out = gate([first_state, between, between, last])
    torch.testing.assert_close(out.flatten(), torch.tensor([1.0, 0]).double())


@pytest.mark.parametrize("base", ["rjcma", "released"])
def test_with_one_recursion_all_gates_are_the_same(base):
    modules = [kind(f"{base}_{gate}", recursions=1) for gate in GATES]
    assert len({len(list(module.parameters())) for module in modules}) == 1
    for module in modules[1:]:
        for ours, theirs in zip(module.parameters(), modules[0].parameters(), strict=True):
            ours.data = theirs.data
    outputs = [module(features(), everywhere()) for module in modules]
    assert torch.equal(outputs[0], outputs[1]) and torch.equal(outputs[0], outputs[2])


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(GATES), st.integers(1, 4), st.integers(0, 2**31))
def test_gated_features_lie_between_the_states_or_are_zero(name, recursions, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    gate = CLASSES[name](3, recursions).double()
    x = list(torch.randn(recursions + 1, 2, 3, 5, generator=generator).double())
    out, stacked = gate(x), torch.stack(x)
    assert (out >= 0).all() and (out <= stacked.amax(0).clamp(min=0) + 1e-12).all()
    assert (out >= stacked.amin(0) - 1e-12).all()


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(GATES), st.integers(1, 4), st.integers(0, 2**31))
def test_equal_states_pass_through_whatever_the_gates(name, recursions, seed):
    torch.manual_seed(seed)
    gate, x = CLASSES[name](3, recursions).double(), torch.randn(2, 3, 5).double()
    torch.testing.assert_close(gate([x] * (recursions + 1)), x.relu())


@pytest.mark.parametrize("base", ["rjcma", "released"])
def test_gates_that_keep_the_last_state_only_give_what_no_gates_give(base):
    """But for the ReLU, and the norm that the successors' code gives the first features."""
    gated, plain, x = kind(f"{base}_gated"), kind(base), features()
    plain.load_state_dict(gated.state_dict(), strict=False)
    for gate in gated.gates.of.values():
        gate.gate.scores.bias.data = torch.tensor([0.0, 0, 1e4]).double()
    if base == "released":
        x = {m: values / values.norm(dim=1, keepdim=True) for m, values in x.items()}
    torch.testing.assert_close(gated(x, first(3)), plain(x, first(3)).relu())


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([name for name in GATED if "released" in name]), st.floats(0.01, 100))
def test_the_size_of_features_has_no_effect_where_their_norm_is_1(name, factor):
    module, x = kind(name), features()
    larger = {m: values * factor for m, values in x.items()}
    torch.testing.assert_close(module(larger, everywhere()), module(x, everywhere()))


@pytest.mark.parametrize("name", GATED)
def test_frames_without_features_give_finite_gradients(name):
    module, x = kind(name).float(), {m: values.float() for m, values in features().items()}
    x["audio"] = torch.zeros_like(x["audio"]).requires_grad_()
    x["text"] = torch.full_like(x["text"], SMALLEST / 100).requires_grad_()
    module(x, first(3)).square().sum().backward()
    gradients = [x["audio"].grad, x["text"].grad, *(p.grad for p in module.parameters())]
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("name", [name for name in GATED if name.startswith("rjcma")])
def test_a_padded_window_is_fused_as_a_network_of_its_own_length_would(name, length):
    module, short = kind(name), kind(name, frames=length)
    weights = {
        key: value[:length, :length] if ".w_c." in key or ".w_h." in key else value
        for key, value in module.state_dict().items()
    }
    short.load_state_dict(weights)
    x = features()
    own = short({m: x[m][:, :, :length] for m in x}, everywhere(length))
    torch.testing.assert_close(module(x, first(length))[:, :, :length], own)

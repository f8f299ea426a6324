"""Properties of all kinds of fusion, and of each kind."""

from __future__ import annotations

import pkgutil
from typing import get_args

import pytest
import torch
from fusion_world import (
    BATCH,
    GATED,
    KINDS,
    SUBSETS,
    WIDTHS,
    K,
    everywhere,
    features,
    first,
    kind,
    settings,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from rjcma.fusion.leader_follower import ATTENDED, HEADS, LeaderFollower
from rjcma.fusion.module import FusionModule
from rjcma.fusion.network import build
from rjcma.fusion.settings import AnyFusion, Fusion
from rjcma.fusion.transformer import Transformer, positional_encoding
from rjcma.params import load
from rjcma.problem import Problem
from rjcma.training.loss import concordance_losses

BUILT_FOR_K = [name for name in KINDS if name.startswith(("rjcma", "released"))]
ANY_LENGTH = sorted(set(KINDS) - set(BUILT_FOR_K))

every_fusion = st.sampled_from(KINDS)
every_subset = st.sampled_from(SUBSETS)


def test_every_kind_of_the_params_is_tested_here():
    classes = get_args(get_args(Fusion)[0])
    names = [name for kind in classes for name in get_args(kind.model_fields["kind"].annotation)]
    assert names == list(KINDS)
    assert all(issubclass(kind, AnyFusion) for kind in classes)


@pytest.mark.parametrize("name", KINDS)
def test_a_kinds_class_is_found_by_its_settings(name):
    fusion = settings(name)
    implementation = pkgutil.resolve_name(fusion.implementation)
    assert fusion.kind == name and issubclass(implementation, FusionModule)
    base = name.split("_")[0]
    module = f"gated_{base}" if name in GATED else name
    assert implementation.__module__ == f"rjcma.fusion.{module}"
    assert type(kind(name)) is implementation
    others = {settings(other).implementation for other in KINDS if other != name}
    assert fusion.implementation not in others


def test_only_kinds_with_recursion_use_recursions():
    """All other kinds are the same for every value of `recursions`."""
    assert [name for name in KINDS if settings(name).recursive] == BUILT_FOR_K
    for name in KINDS:
        counts = {len(list(kind(name, recursions=n).parameters())) for n in (1, 2, 3)}
        assert len(counts) == (3 if settings(name).recursive else 1)


def test_a_kind_is_chosen_by_one_parameter(tmp_path):
    fusion = read(tmp_path, "{kind: concat, hidden: 11}")
    assert (fusion.kind, fusion.hidden) == ("concat", 11)


def read(tmp_path, section):
    """A params file's section `fusion`, with this text."""
    path = tmp_path / "params.yaml"
    path.write_text(f"fusion: {section}\n")
    return load(path, "fusion", Fusion)


def refusal(tmp_path, section):
    """The problem, in one line, of a section that is refused."""
    with pytest.raises(Problem) as caught:
        read(tmp_path, section)
    assert "params.yaml" in str(caught.value) and "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("section", ["{}", "{hidden: 11}"])
def test_a_kind_must_be_named(tmp_path, section):
    assert refusal(tmp_path, section).found == "fusion.kind = no value"


def test_an_unknown_kind_is_refused_with_the_known_ones(tmp_path):
    problem = refusal(tmp_path, "{kind: paper}")
    assert problem.found == "fusion.kind = 'paper'"
    assert problem.expected == f"one of {', '.join(KINDS)}"


OWN = {"transformer": {"layers": 3, "heads": 5}}
"""Keys of a single kind."""


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("key, value", OWN["transformer"].items())
def test_a_kind_takes_its_own_keys_only(tmp_path, name, key, value):
    section = f"{{kind: {name}, {key}: {value}}}"
    if key in OWN.get(name, {}):
        assert getattr(read(tmp_path, section), key) == value
        return
    problem = refusal(tmp_path, section)
    assert problem.found == f"fusion.{key} = {value}"
    shared = "modalities, widths, modality_dropout, hidden, dropout"
    assert problem.expected == f"one of the keys {shared}, kind"


def test_a_misspelt_key_is_answered_with_the_keys_of_its_kind(tmp_path):
    problem = refusal(tmp_path, "{kind: transformer, head: 5}")
    assert problem.expected.endswith(", kind, layers, heads")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "key, value, now",
    [
        ("absence", "{visual: 0.3}", "fusion.modality_dropout, as it is called now"),
        (
            "variant",
            "released",
            "fusion.kind, rjcma for the paper's equations or released for the code's,"
            " as it is called now",
        ),
    ],
)
def test_keys_of_earlier_versions_are_answered_with_their_new_names(
    tmp_path, name, key, value, now
):
    problem = refusal(tmp_path, f"{{kind: {name}, {key}: {value}}}")
    assert problem.found.startswith(f"fusion.{key} = ")
    assert problem.expected == now


@pytest.mark.parametrize("modalities", SUBSETS, ids="-".join)
@pytest.mark.parametrize("name", KINDS)
def test_any_modalities_are_fused_by_every_kind(name, modalities):
    widths = {m: WIDTHS[m] for m in modalities}
    module = kind(name, modalities)
    fused = module(features(widths=widths), everywhere())
    assert fused.shape == (BATCH, module.width, K)
    assert fused.isfinite().all() and fused.std() > 0


@hypothesis_settings(deadline=None, max_examples=100)
@given(every_fusion, every_subset, st.integers(1, K), st.floats(-1e3, 1e3), st.integers(1, 3))
def test_values_of_padded_frames_have_no_effect(name, modalities, length, padding, layers):
    module = kind(name, modalities, recursions=layers)
    valid, x, y = first(length), features(), features()
    for m in WIDTHS:
        y[m][:, :, length:] = padding
    x, y = ({m: z[m] for m in modalities} for z in (x, y))
    assert torch.equal(module(x, valid), module(y, valid))
    assert not module(x, valid)[:, :, length:].any()


@hypothesis_settings(deadline=None, max_examples=50)
@given(every_fusion, every_subset, st.integers(1, K))
def test_padded_frames_get_no_gradient_and_give_none_to_the_weights(name, modalities, length):
    """The weights' gradients do not depend on the values of padded frames."""
    module = kind(name, modalities)
    gradients = []
    for padding in (0.0, 7.0):
        x = {m: features()[m] for m in modalities}
        for m in x:
            x[m][:, :, length:] = padding
            x[m].requires_grad_()
        module.zero_grad()
        module(x, first(length)).square().sum().backward()
        assert not any(x[m].grad[:, :, length:].any() for m in x)
        gradients.append([p.grad.clone() for p in module.parameters()])
    assert all(map(torch.equal, *gradients))


@hypothesis_settings(deadline=None, max_examples=25)
@given(every_fusion, every_subset, st.integers(2, K), st.floats(-1e3, 1e3))
def test_padded_frames_change_no_loss(name, modalities, length, padding):
    module, valid = kind(name, modalities), first(length)
    head = torch.linspace(-1, 1, module.width).double()
    truth = torch.linspace(-1, 1, BATCH * K).view(BATCH, K).double()
    truth[:, length:] = torch.nan
    losses = []
    for value in (0.0, padding):
        x = {m: features()[m] for m in modalities}
        for m in x:
            x[m][:, :, length:] = value
        outputs = torch.einsum("d,bdk->bk", head, module(x, valid))
        losses.append(concordance_losses(outputs, truth))
    assert losses[0].isfinite().all() and torch.equal(*losses)


@hypothesis_settings(deadline=None, max_examples=50)
@given(every_fusion, every_subset)
def test_a_window_is_fused_beside_others_as_it_is_alone(name, modalities):
    module = kind(name, modalities)
    x = {m: features()[m] for m in modalities}
    valid = everywhere() & (torch.arange(K) < torch.tensor([[K], [3]]))
    for b in range(BATCH):
        alone = module({m: x[m][b : b + 1] for m in x}, valid[b : b + 1])
        torch.testing.assert_close(module(x, valid)[b : b + 1], alone)


@pytest.mark.parametrize("name", BUILT_FOR_K)
@pytest.mark.parametrize("frames", [K - 1, K + 1])
def test_windows_of_another_length_are_refused(name, frames):
    with pytest.raises(ValueError, match=f"built for windows of {K} frames, got {frames}"):
        kind(name)(features(frames), everywhere(frames))


@pytest.mark.parametrize("name", ANY_LENGTH)
def test_kinds_without_temporal_weights_take_windows_of_any_length(name):
    """A padded window also gives the same result as its valid frames alone."""
    module, x = kind(name), features(7)
    short = {m: x[m][:, :, :3] for m in x}
    own = module(short, everywhere(3))
    torch.testing.assert_close(module(x, first(3, 7))[:, :, :3], own)
    assert not module.temporal_weights()


@pytest.mark.parametrize("name", BUILT_FOR_K)
def test_temporal_weights_are_those_of_frames_by_frames(name):
    module = kind(name)
    square = [p for p in module.parameters() if p.shape == (K, K)]
    assert len(square) >= 2 * len(WIDTHS)
    assert {id(p) for p in module.temporal_weights()} == {id(p) for p in square}


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"concat"}))
def test_every_weight_of_every_kind_gets_a_gradient(name):
    module = kind(name)
    module(features(), everywhere()).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())


@pytest.mark.parametrize("name", KINDS)
def test_a_network_is_built_around_every_kind(name):
    fusion = settings(name, widths={"visual": 7, "audio": 3, "text": 5})
    encoders = {m: encoder() for m in WIDTHS}
    network = build(encoders, fusion, recursions=2, frames=K).eval()
    assert type(network.fusion) is type(kind(name))
    valid = first(3)
    values = {m: torch.randn(int(valid.sum()), 2) for m in WIDTHS}
    assert network(values, valid).shape == (BATCH, K)


def test_concat_concatenates_the_modalities():
    x = features()
    assert torch.equal(kind("concat")(x, everywhere()), torch.cat(list(x.values()), dim=1))


@pytest.mark.parametrize(
    ("modalities", "leader"), [(("audio", "visual"), "visual"), (("text", "audio"), "text")]
)
def test_the_leader_passes_through_beside_what_all_modalities_attend_to(modalities, leader):
    module, x = kind("leader_follower", modalities), features()
    x = {m: x[m] for m in modalities}
    fused = module(x, everywhere())
    assert torch.equal(fused[:, : WIDTHS[leader]], x[leader])
    assert module.width == WIDTHS[leader] + 2 * ATTENDED


def test_leader_and_followers_attend_to_one_another_in_each_frame():
    """Against a loop over frames, modalities and heads."""
    module, x = kind("leader_follower"), features()
    followers = module(x, everywhere())[:, WIDTHS["visual"] :]
    width = ATTENDED // HEADS
    for b in range(BATCH):
        for k in range(K):
            parts = {}
            for m in x:
                encoder = module.encoders[m]
                parts[m] = (encoder.weight @ x[m][b, :, k] + encoder.bias).view(3, HEADS, width)
            attended = []
            for m in x:
                for head in range(HEADS):
                    agreement = [parts[m][0, head] @ parts[n][1, head] for n in x]
                    shares = (torch.stack(agreement) / width**0.5).softmax(0)
                    values = [parts[n][2, head] for n in x]
                    attended.append(sum(s * v for s, v in zip(shares, values, strict=True)))
            expected = module.norm(torch.cat(attended))
            torch.testing.assert_close(followers[b, :, k], expected)


def test_no_frame_of_leader_follower_or_concat_sees_another():
    for name in ("leader_follower", "concat"):
        x, y = features(), features()
        for m in WIDTHS:
            y[m][:, :, 3] += 1
        before, after = (kind(name)(z, everywhere()) for z in (x, y))
        changed = (before != after).any(1).any(0)
        assert changed.tolist() == [k == 3 for k in range(K)]


def test_every_frame_of_the_transformer_sees_every_other():
    x, y = features(), features()
    y["audio"][:, :, 3] += 1
    before, after = (kind("transformer")(z, everywhere()) for z in (x, y))
    assert (before != after).any(1).all()


def test_the_transformer_knows_the_order_of_frames():
    x = features()
    order = torch.tensor([1, 0, 2, 3, 4])
    module = kind("transformer")
    fused = module(x, everywhere())[:, :, order]
    moved = module({m: x[m][:, :, order] for m in x}, everywhere())
    assert not torch.allclose(fused, moved)


def test_the_transformers_width_is_rounded_up_to_its_heads():
    assert Transformer({"audio": 13}, 1, 5, 0.1).width == 15
    assert Transformer({"audio": 10, "text": 5}, 1, 5, 0.1).width == 15


def test_positions_are_encoded_as_sines_and_cosines_of_growing_periods():
    encoding = positional_encoding(300, 7)
    assert encoding.shape == (300, 7)
    for k in (0, 1, 299):
        for n in range(7):
            angle = torch.tensor(k / 10_000 ** (2 * (n // 2) / 7), dtype=torch.float64)
            wave = (angle.sin(), angle.cos())[n % 2]
            assert encoding[k, n].item() == pytest.approx(wave.item(), abs=1e-4)
    assert len(encoding.unique(dim=0)) == 300


def test_the_dropout_of_a_kind_without_its_own_is_that_of_the_section():
    for name in ("leader_follower", "transformer"):
        fusion = settings(name, dropout=0.37)
        network = build({"audio": encoder()}, fusion, recursions=1, frames=K)
        from_section = [
            module.p for module in network.fusion.modules() if isinstance(module, nn.Dropout)
        ]
        assert set(from_section) == {0.37}


def encoder():
    module = nn.Identity()
    module.width = 2
    return module


def test_the_leader_is_visual_in_any_order():
    assert LeaderFollower({"text": 3, "visual": 5}, 0.0).leader == "visual"
    assert LeaderFollower({"text": 3, "audio": 5}, 0.0).leader == "text"

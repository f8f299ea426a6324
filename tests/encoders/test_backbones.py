"""The paper's backbones: against golden values; and those prepared for inference, against them."""

from __future__ import annotations

import pkgutil
from typing import get_args

import golden_nets
import pytest
import torch
from encoder_settings import EVERY, KINDS, chosen, classes, encoders
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rjcma.encoders import backbones
from rjcma.encoders.compact_audio import CompactAudio
from rjcma.encoders.compact_visual import CompactVisual
from rjcma.encoders.inference import prepared, running
from rjcma.encoders.ir_resnet50 import IRResNet50
from rjcma.encoders.settings import Transformers
from rjcma.encoders.vggish import VGGish
from rjcma.encoders.winograd import Winograd, tile

CPU = torch.device("cpu")
INPUTS = {"ir50_backbone": ("faces", (4, 3, 40, 40)), "vggish": ("logmel", (4, 96, 64))}
OUTPUTS = {"ir50_backbone": "ir50_out", "vggish": "vggish_out"}


def golden_encoder(name: str) -> nn.Module:
    backbone = {"ir50_backbone": IRResNet50, "vggish": VGGish}[name]().eval()
    backbone.load_state_dict(golden_nets.weights(name))
    return backbone


@pytest.fixture(scope="module", params=list(INPUTS))
def golden(request) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A backbone with seeded weights, its golden input and output."""
    name = request.param
    values, expected = golden_nets.inputs(*INPUTS[name]), golden_nets.outputs(OUTPUTS[name])
    return golden_encoder(name), values, expected


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("name, kind", [("ir50_backbone", IRResNet50), ("vggish", VGGish)])
def test_weights_have_the_published_names_and_shapes(name, kind):
    with torch.device("meta"):
        shapes = {key: list(value.shape) for key, value in kind().state_dict().items()}
    assert shapes == golden_nets.SHAPES[name]


@torch.inference_mode()
def test_a_backbone_gives_the_golden_vectors(golden):
    encoder, values, expected = golden
    found = encoder(values)
    assert difference(found, expected) < 1e-5
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


@torch.inference_mode()
def test_a_backbone_prepared_for_inference_gives_the_same_vectors(golden):
    encoder, values, expected = golden
    assert difference(prepared(encoder, CPU)(values), expected) < 1e-4


def test_preparing_a_backbone_does_not_change_it(golden):
    encoder, values, expected = golden
    ready = prepared(encoder, CPU)
    assert any(isinstance(module, Winograd) for module in ready.modules())
    assert not any(weight.requires_grad for weight in ready.parameters())
    assert all(weight.requires_grad for weight in encoder.parameters())
    assert difference(encoder(values).detach(), expected) < 1e-5


def test_half_precision_stays_within_its_rounding(golden):
    encoder, values, expected = golden
    ready = prepared(encoder, CPU, "bf16")
    with running(CPU, "bf16"):
        found = ready(values).float()
    assert 1e-5 < difference(found, expected) < 3e-2


@torch.inference_mode()
def test_a_frames_vector_does_not_depend_on_its_batch(golden):
    encoder, values, _ = golden
    ready = prepared(encoder, CPU)
    alone = torch.cat([ready(value[None]) for value in values])
    assert difference(alone, ready(values)) < 1e-4


@torch.inference_mode()
def test_the_layout_in_memory_changes_only_the_rounding(golden):
    encoder, values, expected = golden
    try:
        found = encoder.to(memory_format=torch.channels_last)(values)
    finally:
        encoder.to(memory_format=torch.contiguous_format)
    assert difference(found, expected) < 1e-5


@torch.inference_mode()
def test_visual_vectors_have_length_one(golden):
    encoder, values, _ = golden
    if isinstance(encoder, IRResNet50):
        torch.testing.assert_close(encoder(3 * values).norm(dim=1), torch.ones(4))
    else:
        assert (encoder(values) < 0).any(), "VGGish keeps its negative values"


def test_vggish_takes_windows_with_and_without_a_channel():
    encoder = VGGish().eval()
    windows = torch.randn(2, 96, 64)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(windows[:, None]), encoder(windows), rtol=0, atol=0)


def test_vggish_from_scratch_tells_windows_apart():
    torch.manual_seed(5)
    encoder = VGGish().eval()
    windows = torch.randn(7, 96, 64)
    with torch.inference_mode():
        vectors = encoder(windows)
    assert vectors.std(dim=0).mean() > 0.1 * vectors.abs().mean()


@pytest.mark.parametrize(
    "encoder, groups",
    [
        (IRResNet50, ["output_layer", "body.21", "body.14"]),
        (VGGish, ["embeddings.4", "embeddings.2", "embeddings.0"]),
        (CompactVisual, ["projection"]),
        (CompactAudio, ["layers"]),
    ],
)
def test_groups_name_modules_from_the_output_inwards(encoder, groups):
    with torch.device("meta"):
        built = encoder()
    assert [group[0] for group in encoder.groups] == groups
    names = [name for group in encoder.groups for name in group]
    assert len(set(names)) == len(names)
    for name in names:
        assert list(built.get_submodule(name).parameters()), name


def test_visual_groups_are_the_last_stage_and_half_of_the_one_before():
    with torch.device("meta"):
        body = IRResNet50().body
    widths = [unit.res_layer[3].out_channels for unit in body]
    stages = [widths.count(width) for width in sorted(set(widths))]
    assert stages == [3, 4, 14, 3]
    _output, fourth, third = IRResNet50.groups
    assert [widths[int(name.split(".")[1])] for name in fourth] == [512] * 3
    assert [widths[int(name.split(".")[1])] for name in third] == [256] * 7


def test_compact_groups_hold_all_that_is_learned():
    for encoder in (CompactVisual(), CompactAudio()):
        held = [
            weight
            for name in encoder.groups[0]
            for weight in encoder.get_submodule(name).parameters()
        ]
        assert {id(weight) for weight in held} == {id(weight) for weight in encoder.parameters()}


def test_every_kind_of_the_params_is_tested_here():
    for modality, kinds in KINDS.items():
        own = [kind for kind in classes(modality) if not issubclass(kind, Transformers)]
        names = [get_args(kind.model_fields["kind"].annotation) for kind in own]
        assert names == [(kind,) for kind in kinds]


def test_a_backbone_is_built_by_its_name():
    with torch.device("meta"):
        assert isinstance(backbones.build("visual", chosen("visual", "ir_resnet50")), IRResNet50)
        assert isinstance(backbones.build("audio", chosen("audio", "vggish")), VGGish)
        assert isinstance(backbones.build("visual", chosen("visual", "compact")), CompactVisual)
        assert isinstance(backbones.build("audio", chosen("audio", "compact")), CompactAudio)


@pytest.mark.parametrize("modality, kind", EVERY)
def test_an_encoders_class_is_found_by_its_settings(modality, kind):
    encoder = chosen(modality, kind)
    implementation = pkgutil.resolve_name(encoder.implementation)
    with torch.device("meta"):
        assert type(backbones.build(modality, encoder)) is implementation
    same = [each for each in EVERY if chosen(*each).implementation == encoder.implementation]
    assert same == [(modality, kind)]


@pytest.mark.parametrize("modality, kind", EVERY)
def test_an_encoder_takes_its_input_shape_and_gives_its_width(modality, kind):
    backbone = backbones.build(modality, chosen(modality, kind)).eval()
    *rest, rows, columns = backbone.input_shape
    with torch.inference_mode():
        vectors = backbone(torch.randn(3, *backbone.input_shape))
        assert vectors.shape == (3, backbone.width) and vectors.isfinite().all()
        with pytest.raises(RuntimeError):
            backbone(torch.randn(3, *rest, rows // 2, columns))


@pytest.mark.parametrize("modality, kind", EVERY)
def test_the_input_shape_is_known_before_an_encoder_is_built(modality, kind):
    expected = {"visual": (3, 40, 40), "audio": (96, 64)}[modality]
    assert pkgutil.resolve_name(chosen(modality, kind).implementation).input_shape == expected


def test_products_are_exact_unless_another_precision_is_named():
    """This holds on every device: a clip's vectors do not depend on it."""
    assert encoders().precision == encoders(device="auto").precision == "fp32"
    assert encoders(precision="bf16").precision == "bf16"
    with pytest.raises(ValueError, match="'fp32', 'bf16' or 'fp16'"):
        encoders(precision="auto")


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 23), width=st.integers(1, 23), bias=st.booleans())
def test_winograd_gives_a_convolutions_sums_for_pictures_of_any_size(height, width, bias):
    torch.manual_seed(height * 100 + width)
    conv = nn.Conv2d(3, 5, 3, padding=1, bias=bias)
    pictures = torch.randn(2, 3, height, width)
    with torch.inference_mode():
        found = Winograd(conv)(pictures)
    expected = torch.nn.functional.conv2d(
        pictures.double(),
        conv.weight.double(),
        None if conv.bias is None else conv.bias.double(),
        padding=1,
    )
    assert found.shape == expected.shape
    assert difference(found.double(), expected.detach()) < 2e-5


def test_winograd_handles_more_pictures_than_a_block(monkeypatch):
    monkeypatch.setattr("rjcma.encoders.winograd.BLOCK", 3 * 14 * 14 * 7)  # three pictures
    conv = nn.Conv2d(7, 2, 3, padding=1)
    pictures = torch.randn(11, 7, 10, 10)
    with torch.inference_mode():
        assert difference(Winograd(conv)(pictures), conv(pictures)) < 2e-5


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(128, 128, 3, stride=2, padding=1),
        nn.Conv2d(128, 128, 1),
        nn.Conv2d(128, 128, 3),
        nn.Conv2d(128, 128, 3, padding=2, dilation=2),
        nn.Conv2d(128, 128, 3, padding=1, groups=2),
        nn.Conv2d(64, 128, 3, padding=1),
        nn.Linear(128, 128),
    ],
)
def test_winograd_replaces_no_other_layer(conv):
    assert not Winograd.fits(conv)
    assert Winograd.fits(nn.Conv2d(128, 131, 3, padding=1))


def test_tiles_take_the_fewest_products():
    for pixels in range(1, 60):
        products = {m: -(-pixels // m) * (m + 2) for m in (2, 3, 4, 5)}
        assert products[tile(pixels)] == min(products.values())

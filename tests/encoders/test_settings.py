"""Section `encoders`: the available encoders, and the messages about wrong keys."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from encoder_settings import EVERY, KINDS

from rjcma.encoders.settings import Encoders
from rjcma.params import load
from rjcma.problem import Problem

MODES = ("finetune", "precompute")


def read(tmp_path: Path, visual: str = "kind: compact", audio: str = "kind: compact", more=""):
    """A params file's section `encoders`, with these keys."""
    path = tmp_path / "params.yaml"
    path.write_text(f"encoders: {{visual: {{{visual}}}, audio: {{{audio}}}{more}}}\n")
    return load(path, "encoders", Encoders)


def refusal(tmp_path: Path, *args, **keys) -> Problem:
    """The problem, in one line, of a section that is refused."""
    with pytest.raises(Problem) as caught:
        read(tmp_path, *args, **keys)
    assert "params.yaml" in str(caught.value) and "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("visual, audio", product(MODES, MODES))
def test_each_modality_has_a_mode_of_its_own_and_the_papers_encoders_take_any(
    tmp_path, visual, audio
):
    found = read(tmp_path, f"kind: ir_resnet50, mode: {visual}", f"kind: vggish, mode: {audio}")
    assert (found.visual.kind, found.audio.kind) == ("ir_resnet50", "vggish")
    assert (found.visual.mode, found.audio.mode) == (visual, audio)


def test_by_default_an_encoder_is_trained_from_scratch(tmp_path):
    found = read(tmp_path)
    assert [(e.mode, e.weights) for e in (found.visual, found.audio)] == [("finetune", "none")] * 2


def test_faces_and_voice_have_an_encoder_and_words_have_none(tmp_path):
    found = read(tmp_path)
    assert [found.of(m) for m in ("visual", "audio", "text")] == [found.visual, found.audio, None]


@pytest.mark.parametrize("modality, kind", [("visual", "vggish"), ("audio", "ir_resnet50")])
def test_an_encoder_of_the_other_modality_is_refused(tmp_path, modality, kind):
    problem = refusal(tmp_path, **{modality: f"kind: {kind}"})
    assert problem.found == f"encoders.{modality}.kind = {kind!r}"
    assert problem.expected == f"one of {', '.join([*KINDS[modality], 'transformers'])}"


@pytest.mark.parametrize("modality", KINDS)
def test_a_kind_must_be_named(tmp_path, modality):
    problem = refusal(tmp_path, **{modality: "mode: finetune"})
    assert problem.found == f"encoders.{modality}.kind = no value"


@pytest.mark.parametrize("modality, kind", EVERY)
@pytest.mark.parametrize("key", ["heads", "width", "precision", "device"])
def test_a_kind_takes_its_own_keys_only(tmp_path, modality, kind, key):
    problem = refusal(tmp_path, **{modality: f"kind: {kind}, {key}: 3"})
    assert problem.found == f"encoders.{modality}.{key} = 3"
    assert problem.expected == "one of the keys mode, weights, kind"


@pytest.mark.parametrize("modality", KINDS)
def test_an_unknown_mode_is_refused(tmp_path, modality):
    problem = refusal(tmp_path, **{modality: "kind: compact, mode: both"})
    assert problem.found == f"encoders.{modality}.mode = 'both'"
    assert problem.expected == "'finetune' or 'precompute'"


@pytest.mark.parametrize(
    "modality, keys, expected",
    [
        ("visual", "output: mean", "'patches', 'class' or 'pooled'"),
        (
            "audio",
            "output: class",
            "one of the keys mode, weights, kind, layers, checkpointing, frozen_embeddings, lora",
        ),
        ("visual", "layers: []", "a list of at least 1"),
        ("audio", "layers: [last]", "a whole number"),
        ("visual", "lora: {rank: 2}", "lora: null in mode precompute, in which nothing is trained"),
        ("audio", "mode: finetune, lora: {rank: 0}", "greater than or equal to 1"),
    ],
)
def test_a_model_of_transformers_has_layers_and_an_image_model_an_output(
    tmp_path, modality, keys, expected
):
    problem = refusal(tmp_path, **{modality: f"kind: transformers, weights: there, {keys}"})
    assert problem.expected == expected


def test_a_model_of_transformers_is_run_once_by_default(tmp_path):
    found = read(tmp_path, "kind: transformers, weights: there", "kind: transformers")
    assert (found.visual.mode, found.audio.mode) == ("precompute", "precompute")
    assert (found.visual.output, found.visual.layers, found.audio.layers) == ("patches", None, None)


@pytest.mark.parametrize(
    "key, value", [("mode", "finetune"), ("features", "{visual: faces}"), ("encode", "[visual]")]
)
def test_keys_of_earlier_versions_are_answered_with_their_new_names(tmp_path, key, value):
    problem = refusal(tmp_path, more=f", {key}: {value}")
    assert problem.found.startswith(f"encoders.{key} = ")
    assert problem.expected == "encoders.visual.mode and encoders.audio.mode, as it is called now"

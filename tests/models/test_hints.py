"""The cure of a missing model begins with the command that fetches it."""

from __future__ import annotations

import pytest

from rjcma.models import hints
from rjcma.problem import Problem

MISSING = Problem(file="there", found="nothing", expected="a model", cure="look for it")


def test_a_model_of_another_kind_of_encoder_is_no_hint():
    key = "encoders.visual.weights"
    other = hints.with_hint(MISSING, key, "facebook/dinov2-base", kind="transformers")
    assert other.cure == "look for it"
    paper = hints.with_hint(MISSING, key, "models/mine.pth", kind="ir_resnet50")
    assert paper.cure.startswith("ask the authors")


def test_a_model_of_another_recogniser_is_no_hint():
    cures = [
        hints.with_hint(MISSING, "speech.model", "models/mine", engine).cure
        for engine in ("vosk", "whisper")
    ]
    assert [cure.split("`")[1] for cure in cures] == [
        "rjcma models fetch vosk-en-us",
        "rjcma models fetch whisper-small",
    ]


@pytest.mark.parametrize(
    "key, named, cure",
    [
        (
            "text.model",
            "models/bert-base-uncased",
            "`rjcma models fetch bert-base-uncased`; or correct text.model",
        ),
        (
            "text.model",
            "bert-base-uncased",
            "`rjcma models fetch bert-base-uncased` and set text.model to models/bert-base-uncased;"
            " or look for it",
        ),
        (
            "speech.model",
            "models/vosk-model-small-en-us-0.15",
            "`rjcma models fetch vosk-small-en-us`; or look for it",
        ),
        (
            "speech.model",
            "models/mine",
            "`rjcma models fetch vosk-en-us` and set speech.model to"
            " models/vosk-model-en-us-0.22; or look for it",
        ),
        (
            "encoders.visual.weights",
            "models/res50_ir_0.887.pth",
            "ask the authors of the paper for res50_ir_0.887.pth, and put it into models/;"
            " or look for it",
        ),
        ("training.model", "x", "look for it"),
    ],
)
def test_the_hint_names_the_model_that_params_mean(key, named, cure):
    problem = hints.with_hint(MISSING, key, named)
    assert problem.cure == cure
    assert (problem.file, problem.found) == ("there", "nothing")

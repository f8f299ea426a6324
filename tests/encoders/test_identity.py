"""What keys hold of encoders: models by content, settings without places."""

from __future__ import annotations

import shutil

import image_models
from encoder_settings import EVERY, encoders

from rjcma.encoders import identity, keys
from rjcma.jobs.digests import digest_folder
from rjcma.problem import Problem

KEY = "encoders.visual.weights"


def visual(weights="there", **changes):
    return encoders(visual={"kind": "transformers", "weights": str(weights), **changes})


def test_encoders_with_files_of_weights_have_the_keys_that_they_had():
    for modality, kind in EVERY:
        for weights in ("none", "models/mine.pth"):
            section = encoders(**{modality: {"kind": kind, "weights": weights}})
            assert identity.keyed(section, modality) == keys.keyed(section, modality)
            assert str(identity.models(section, [modality])) == str(
                keys.models(section, [modality])
            )


def test_all_settings_of_a_model_are_in_its_key_but_not_its_place():
    plain = identity.keyed(visual(), "visual")
    assert plain == identity.keyed(visual("elsewhere", mode="precompute"), "visual")
    others = [visual(output="class"), visual(layers=[-1]), visual(layers=[-1, -2])]
    found = [plain, *(identity.keyed(other, "visual") for other in others)]
    assert len({str(each) for each in found}) == 4


def test_settings_of_training_are_in_the_keys_of_models_that_are_trained_only():
    changes = [{"crop": 50}, {"frozen_embeddings": False}, {"lora": {"rank": 3}}, {}]
    found = [identity.keyed(visual(mode="finetune", **each), "visual") for each in changes]
    assert len({str(each) for each in found}) == 4
    once = [identity.keyed(visual(**each), "visual") for each in (*changes[:2], {})]
    assert len({str(each) for each in once}) == 1
    kept = identity.keyed(visual(mode="finetune", checkpointing=False), "visual")
    assert kept == found[-1]


def test_a_model_is_known_by_the_content_of_its_folder(tmp_path):
    one = image_models.save(tmp_path / "one", "vit")
    known = identity.models(visual(one), ["visual", "audio"])
    assert known == {KEY: digest_folder(one)}
    moved = shutil.move(one, tmp_path / "moved")
    assert identity.models(visual(moved), ["visual"]) == known
    other = image_models.save(tmp_path / "other", "vit", seed=4)
    assert identity.models(visual(other), ["visual"])[KEY] != known[KEY]


def test_a_model_that_is_not_here_is_a_problem_that_says_what_to_fetch(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    problem = identity.models(visual("someone/vision-base"), ["visual"])[KEY]
    assert isinstance(problem, Problem)
    assert "https://huggingface.co/someone/vision-base" in problem.cure and KEY in problem.cure


def test_no_model_at_all_is_a_problem():
    problem = identity.models(visual("none"), ["visual"])[KEY]
    assert isinstance(problem, Problem) and problem.cure == f"name the model in {KEY}"

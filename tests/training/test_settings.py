"""Section `training`, and all settings of a run as values in its key."""

from __future__ import annotations

import json

import pytest
import tiny_corpus
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from rjcma.fusion.settings import Fusion
from rjcma.params import load
from rjcma.problem import Problem
from rjcma.training.sections import Settings
from rjcma.training.settings import Training

RENAMED = {
    "rate": (1e-5, "learning_rate"),
    "frame_rate": (0.01, "temporal_lr_factor"),
    "min_rate": (1e-8, "min_learning_rate"),
    "factor": (0.1, "lr_decay"),
    "max_gradient": (1.0, "clip_norm"),
    "choose_by": ("held_out", "select_by"),
    "labels": ("permuted", "permute_labels"),
}


def write(path, content):
    with path.open("w") as file:
        YAML().dump(content, file)
    return path


@pytest.mark.parametrize("old", RENAMED)
def test_a_key_of_an_earlier_version_is_answered_with_its_new_name(old, tmp_path):
    value, new = RENAMED[old]
    path = write(tmp_path / "params.yaml", {"training": {old: value}})
    with pytest.raises(Problem) as caught:
        load(path, "training", Training)
    assert f"found training.{old} = {value!r}; expected training.{new}" in str(caught.value)
    assert "as it is called now" in str(caught.value)
    assert new in Training.model_fields


def test_settings_are_those_of_the_params_file(tmp_path):
    settings = tiny_corpus.settings("finetune", seed=7)
    path = write(tmp_path / "params.yaml", tiny_corpus.params(settings))
    assert Settings.read(path) == settings


def fused(kind, *modalities):
    shared = tiny_corpus.settings().fusion.model_dump(exclude={"kind", "modalities"})
    values = {**shared, "kind": kind, "modalities": modalities}
    return TypeAdapter(Fusion).validate_python(values)


FUSIONS = {
    "all": fused("rjcma", "visual", "audio", "text"),
    "two": fused("transformer", "text", "visual"),
    "text alone": fused("concat", "text"),
}


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("mode", ["precompute", "finetune"])
def test_settings_read_back_from_a_key_have_that_key(mode, fusion):
    settings = tiny_corpus.settings(mode)._replace(fusion=FUSIONS[fusion])
    keyed = json.loads(json.dumps(settings.keyed()))
    again = Settings.of_keyed(keyed, "weights.safetensors")
    assert again.keyed() == keyed
    assert again.modalities == settings.modalities and again.windows == settings.windows
    assert again.trained_encoders().keys() == settings.trained_encoders().keys()


def test_a_key_has_the_trained_encoders_and_the_mode_of_the_others():
    trained = {"mode": "finetune", "kind": "compact", "weights": "none"}
    assert tiny_corpus.settings("finetune").keyed()["encoders"] == {
        "visual": trained,
        "audio": trained,
        "text": {"mode": "precompute"},
    }
    keyed = tiny_corpus.settings("precompute").keyed()["encoders"]
    assert keyed == {m: {"mode": "precompute"} for m in ("visual", "audio", "text")}


def test_the_device_is_in_no_key():
    there = tiny_corpus.settings(device="cuda:1")
    assert there.keyed() == tiny_corpus.settings().keyed()
    assert "device" not in there.keyed()["training"]
    assert tiny_corpus.run(there).id == tiny_corpus.run(tiny_corpus.settings()).id


def test_a_runs_id_differs_by_settings_seed_fold_target_and_file_of_weights():
    settings = tiny_corpus.settings("finetune")
    visual = settings.encoders.visual.model_copy(update={"weights": "a.safetensors"})
    others = [
        settings._replace(recursions=1),
        settings._replace(folds=3),
        tiny_corpus.settings("finetune", seed=2),
        settings._replace(encoders=settings.encoders.model_copy(update={"visual": visual})),
    ]
    runs = [tiny_corpus.run(each) for each in (settings, *others)]
    runs += [tiny_corpus.run(settings, 1), tiny_corpus.run(settings, 0, "arousal")]
    assert len({run.id for run in runs}) == len(runs)
    assert runs[0].id.endswith("-valence-0") and runs[0].name == "valence-0"

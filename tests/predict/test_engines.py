"""With which engines videos are treated: the runs' own, unless others are asked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from predict_world import RANGES, World
from ruamel.yaml import YAML

from rjcma.predict import engines as chosen
from rjcma.predict.engines import Asked, of_runs
from rjcma.predict.trained import open_all
from rjcma.problem import Problem, Problems
from rjcma.training.engines import ENGINES, signed
from rjcma.vision.settings import Haar, YuNet


@pytest.fixture
def runs(world, tmp_path, monkeypatch):
    """Copies of the runs, that a test may change; there is no params.yaml in the folder."""
    monkeypatch.chdir(tmp_path)
    return [Path(shutil.copytree(run, tmp_path / "runs" / run.name)) for run in world.runs]


def engines(folders, **asked):
    return of_runs(open_all(folders), Asked(**asked))


def say(folders, change) -> None:
    """Change what the runs say of their engines."""
    for folder in folders:
        record = json.loads((folder / ENGINES).read_text())
        change(record)
        (folder / ENGINES).write_text(json.dumps(signed(record)))


def params(path: Path, world: World, **changes) -> Path:
    """A params file with the runs' own engines, and changes of its sections."""
    sections = world.sections()
    for name, change in changes.items():
        sections[name] = {**sections[name], **change}
    YAML(typ="safe").dump({**sections, "training": {"seed": 7}}, path)
    return path


def test_the_engines_are_those_of_the_runs(world, runs):
    found = engines(runs)
    assert found.speech.model == str(world.vosk) and found.punctuation.engine == "pauses"
    assert found.faces.detector == Haar(engine="haar", pixels=320)
    assert found.modalities == {"visual", "audio", "text"} and found.looks and found.listens


def test_another_model_at_the_same_place_is_refused(runs):
    say(runs, lambda record: record["models"].update({"speech.model": "0" * 32}))
    with pytest.raises(Problems, match=r"speech\.model.* found another model .*--other-engines"):
        engines(runs)


def test_a_missing_model_is_refused_with_its_key(runs, tmp_path):
    say(runs, lambda record: record["params"]["speech"].update(model=str(tmp_path / "gone")))
    with pytest.raises(Problems, match="gone"):
        engines(runs)


def test_a_params_file_says_where_a_model_is_on_this_machine(world, runs, tmp_path):
    say(runs, lambda record: record["params"]["speech"].update(model=str(tmp_path / "gone")))
    found = engines(runs, params=params(tmp_path / "mine.yaml", world))
    assert found.speech.model == str(world.vosk)


def test_params_yaml_here_is_taken_for_places_but_not_for_engines(world, runs, tmp_path):
    say(runs, lambda record: record["params"]["speech"].update(model=str(tmp_path / "gone")))
    params(tmp_path / "params.yaml", world, punctuation={"comma_pause": 0.1})
    found = engines(runs)
    assert found.speech.model == str(world.vosk) and found.punctuation.comma_pause == 0.3


def test_other_engines_in_a_given_params_file_are_refused_unless_asked_for(world, runs, tmp_path):
    mine = params(tmp_path / "mine.yaml", world, punctuation={"comma_pause": 0.1})
    with pytest.raises(Problem, match=r"punctuation\.comma_pause = 0\.1; expected 0\.3"):
        engines(runs, params=mine)
    found = engines(runs, params=mine, others=True)
    assert found.punctuation.comma_pause == 0.1 and found.seed == 7


def test_other_engines_make_other_features(world, runs, tmp_path):
    mine = params(tmp_path / "mine.yaml", world, punctuation={"comma_pause": 0.1})
    assert engines(runs, params=mine, others=True).id != engines(runs).id


@pytest.mark.parametrize("asked", [{}, {"others": True}])
def test_a_params_file_that_is_missing_is_named(runs, tmp_path, asked):
    with pytest.raises(Problem, match=r"nowhere\.yaml: found no such file"):
        engines(runs, params=tmp_path / "nowhere.yaml", **asked)


def test_runs_that_say_nothing_need_other_engines(world, runs, tmp_path):
    (runs[0] / ENGINES).unlink()
    with pytest.raises(Problem, match="--other-engines"):
        engines(runs)
    mine = params(tmp_path / "mine.yaml", world)
    assert engines(runs, params=mine, others=True).speech.model == str(world.vosk)


def test_runs_of_different_features_do_not_predict_together(runs):
    say(runs[:1], lambda record: record["params"]["faces"].update(size=64))
    with pytest.raises(Problem, match="other engines or models than those of"):
        engines(runs)


def test_runs_that_found_the_same_models_at_other_places_predict_together(runs):
    say(runs[1:], lambda record: record["params"]["speech"].update(model="/elsewhere/vosk"))
    assert engines(runs).id == engines(runs[:1]).id


def test_a_record_of_another_version_is_one_line(runs):
    (runs[0] / ENGINES).write_text('{"package": "rjcma 9", "hertz": 3}')
    with pytest.raises(Problems, match="another form or version"):
        engines(runs)


def test_an_engine_that_this_version_does_not_know_is_one_line_with_a_cure(world, runs, tmp_path):
    say(runs, lambda record: record["params"]["speech"].update(engine="wav2vec2"))
    with pytest.raises(
        Problem, match=r"speech\.engine = 'wav2vec2'; .*update rjcma.*--other-engines"
    ):
        engines(runs)
    mine = params(tmp_path / "mine.yaml", world)
    assert engines(runs, params=mine, others=True).speech.engine == "vosk"


def test_a_record_that_was_edited_is_one_line(runs):
    path = runs[0] / ENGINES
    path.write_text(path.read_text().replace("-1.0", "-2.0"))
    with pytest.raises(Problems, match=r"engines\.json: found values that were edited since"):
        engines(runs)


def given_crops(runs) -> None:
    say(runs, lambda record: record["params"]["faces"].update(detector=None))


def test_runs_that_know_given_crops_need_a_detector(runs):
    given_crops(runs)
    with pytest.raises(Problem, match="--detector haar"):
        engines(runs)
    assert engines(runs, detector="haar").faces.detector == Haar(engine="haar")
    assert not engines(runs, faces=False).looks


def test_the_detector_of_a_given_params_file_is_taken_where_crops_were_given(world, runs, tmp_path):
    given_crops(runs)
    found = engines(runs, params=params(tmp_path / "mine.yaml", world, faces={"size": 64}))
    assert found.faces.detector == Haar(engine="haar", pixels=320) and found.faces.size == 48


def test_another_detector_than_the_runs_is_refused_unless_asked_for(world, runs, tmp_path):
    model = tmp_path / "net.onnx"
    model.write_bytes(b"\x08\x01")
    with pytest.raises(Problem, match="expected haar, which found the faces"):
        engines(runs, detector=str(model))
    mine = params(tmp_path / "mine.yaml", world)
    found = engines(runs, detector=str(model), params=mine, others=True)
    assert found.faces.detector == YuNet(engine="yunet", model=str(model))


def test_a_model_may_be_renamed_if_it_is_the_same(world, runs, tmp_path):
    said = YuNet(engine="yunet", model="net.onnx", score=0.7)
    Path("net.onnx").write_bytes(b"\x08\x01")
    Path("same.onnx").write_bytes(b"\x08\x01")
    Path("other.onnx").write_bytes(b"\x08\x02")
    digest = str(chosen.model.models(world_faces(said))["faces.detector.model"])
    say(runs, lambda record: record["params"]["faces"].update(detector=said.model_dump()))
    say(runs, lambda record: record["models"].update({"faces.detector.model": digest}))
    detector = engines(runs, detector="same.onnx").faces.detector
    assert detector == said.model_copy(update={"model": "same.onnx"})
    with pytest.raises(Problems, match="another model"):
        engines(runs, detector="other.onnx")


def world_faces(detector):
    return chosen.Faces.model_validate({"detector": detector.model_dump()})


def test_a_library_that_is_not_installed_is_named(runs, monkeypatch):
    def without(modules):
        raise chosen.PackageNotFoundError("vosk")

    monkeypatch.setattr(chosen.code, "libraries", without)
    with pytest.raises(Problem, match=r"no library vosk.*pip install vosk"):
        engines(runs)


def test_a_half_written_run_is_one_line(runs):
    (runs[0] / "weights.safetensors").unlink()
    with pytest.raises(Problems, match=r"found no weights\.safetensors; expected .* finished run"):
        open_all(runs)


def test_a_run_that_was_edited_since_is_refused(world, runs, tmp_path):
    from rjcma.jobs.digests import digest_read
    from rjcma.jobs.ledger import Ledger, Wanted
    from rjcma.jobs.recipe import Recipe

    recipe = Recipe(code="c", libraries={}, settings={}, models={})
    ledger = Ledger(runs[0])
    ledger.add("run.json", Wanted(recipe, "i"), digest_read(runs[0] / "run.json"))
    ledger.write()
    open_all(runs)
    (runs[0] / "run.json").write_text((runs[0] / "run.json").read_text() + "\n")
    with pytest.raises(Problems, match="edited or damaged"):
        open_all(runs)


def test_a_run_of_another_network_is_one_line(runs):
    path = runs[0] / "weights.safetensors"
    path.write_bytes(path.read_bytes().replace(b'kind\\": \\"rjcma', b'kind\\": \\"other'))
    with pytest.raises(Problems, match="another version"):
        open_all(runs)


def test_two_runs_of_one_target_and_fold_are_refused(world, runs, tmp_path):
    twin = shutil.copytree(runs[0], tmp_path / "twin")
    with pytest.raises(Problem, match="one run for each target and fold"):
        open_all([*runs, Path(twin)])


def test_targets_are_in_the_order_of_their_corpus_and_folds_are_sorted(runs):
    names = [run.name for run in open_all([runs[3], runs[0], runs[2], runs[1]])]
    order = [f"{target}-{fold}" for target in RANGES for fold in (0, 1)]
    assert names == order and order != sorted(order)


def test_targets_of_runs_that_do_not_say_their_order_stay_as_given(runs):
    given = [runs[3], runs[0], runs[2], runs[1]]
    for folder in given:
        (folder / "engines.json").unlink()
    targets = [run.target for run in open_all(given)]
    first, other = targets[0], targets[2]
    assert targets == [first, first, other, other] and first == given[0].name.split("-")[0]
    swapped = [given[1], given[0], given[2], given[3]]
    assert [run.target for run in open_all(swapped)] == [other, other, first, first]

"""Runs on the vectors of models of transformers predict videos with these models."""

from __future__ import annotations

import shutil

import h5py
import image_models
import numpy as np
import pytest
import speech_models
from clips import clip
from predict_world import BERT_WIDTH, World

from rjcma import store
from rjcma.audio.extract_all import extract_all
from rjcma.corpus.video import probe
from rjcma.encoders.encode_all import encode_all
from rjcma.encoders.settings import Encoders
from rjcma.jobs.digests import digest_folder
from rjcma.params import checked
from rjcma.predict import bundle
from rjcma.predict.predict import Request, predict
from rjcma.predict.trained import open_all as open_runs
from rjcma.problem import Problems
from rjcma.training import network
from rjcma.training.clip_data import open_all
from rjcma.training.saved import load_run

WIDTHS = {"visual": 20, "audio": 16}


class Pretrained(World):
    """Runs that were trained on the vectors of an image model and a speech model."""

    def __init__(self, root) -> None:
        root.mkdir(exist_ok=True)
        self.image = image_models.save(root / "image", "vit")
        self.voice = speech_models.save(root / "voice", "wavlm")
        super().__init__(root)
        self.runs = self.runs[:1]

    def sections(self):
        made = {"mode": "precompute", "kind": "transformers"}
        visual = {**made, "weights": str(self.image), "output": "class"}
        audio = {**made, "weights": str(self.voice), "layers": [1, 2]}
        return {**super().sections(), "encoders": {"visual": visual, "audio": audio}}

    def models(self):
        places = {"visual": self.image, "audio": self.voice}
        own = {f"encoders.{m}.weights": digest_folder(folder) for m, folder in places.items()}
        return {**super().models(), **own}

    def settings(self):
        encoders = checked(Encoders, self.sections()["encoders"], "encoders", "")
        return super().settings()._replace(encoders=encoders)

    def _opened(self, settings):
        folder, generator = self.root / "shapes", np.random.default_rng(2)
        for modality, width in {**WIDTHS, "text": 28}.items():
            (folder / modality).mkdir(parents=True, exist_ok=True)
            rows = generator.normal(size=(9, width)).astype(np.float32)
            store.write(folder / modality / "shape.h5", rows)
        folders = {m: folder / m for m in settings.modalities}
        shapes = network.input_shapes(settings)
        return open_all([clip("shape", 9)], folders, shapes, None, "valence")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return Pretrained(tmp_path_factory.mktemp("pretrained"))


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


def rows(path):
    with h5py.File(path) as file:
        return file["rows"][...]


def test_the_vectors_are_those_that_stage_encode_makes(world, talk, work, tmp_path):
    (result,) = predict(Request([talk], world.runs, work))
    assert result.folds and all(np.isfinite(values).all() for values in result.folds.values())
    record = clip("talk", probe(talk).decoded, fps=probe(talk).fps, file=str(talk))
    encoders = checked(Encoders, world.sections()["encoders"], "encoders", "")
    extract_all([record], talk.parent, tmp_path / "audio")
    faces = result.files["faces"].parent
    encode_all("visual", [record], faces, tmp_path / "visual", encoders, 1)
    folders = tmp_path / "nothing", tmp_path / "voice"
    encode_all("audio", [record], *folders, encoders, 1, tmp_path / "audio")
    assert rows(result.files["visual"]) == pytest.approx(
        rows(tmp_path / "visual/talk.h5"), abs=1e-5
    )
    assert rows(result.files["audio"]) == pytest.approx(rows(tmp_path / "voice/talk.h5"), abs=1e-5)


def test_a_second_call_makes_nothing_again(world, talk, work, capfd):
    list(predict(Request([talk], world.runs, work)))
    capfd.readouterr()
    list(predict(Request([talk], world.runs, work)))
    assert "to make" not in capfd.readouterr().err


def test_another_model_at_the_same_place_is_refused(world, talk, work):
    weights = world.voice / "model.safetensors"
    before = weights.read_bytes()
    speech_models.save(world.voice, "wavlm", seed=8)
    with pytest.raises(Problems, match=r"encoders\.audio\.weights.*found another model"):
        list(predict(Request([talk], world.runs, work)))
    weights.write_bytes(before)


class Finetuned(World):
    """A run that trained two models of transformers, of which nothing but its weights is left."""

    def __init__(self, root) -> None:
        root.mkdir(exist_ok=True)
        self.image = image_models.save(root / "image", "vit")
        self.voice = speech_models.save(root / "voice", "hubert")
        super().__init__(root)
        self.runs = self.runs[:1]
        shutil.rmtree(self.image)
        shutil.rmtree(self.voice)

    def sections(self):
        sections = super().sections()
        trained = {"mode": "finetune", "kind": "transformers"}
        visual, audio = ({**trained, "weights": str(path)} for path in (self.image, self.voice))
        return {**sections, "encoders": {"visual": visual, "audio": audio}}

    def settings(self):
        encoders = checked(Encoders, self.sections()["encoders"], "encoders", "")
        return super().settings()._replace(encoders=encoders)

    def _opened(self, settings):
        """Only the text is looked at; the shapes of the others follow from the settings."""
        folder = self.root / "shapes"
        (folder / "text").mkdir(parents=True, exist_ok=True)
        store.write(folder / "text/shape.h5", np.random.default_rng(2).normal(size=(9, BERT_WIDTH)))
        return open_all([clip("shape", 9)], {"text": folder / "text"}, {"text": None}, None, "")


def test_a_run_that_trained_two_models_predicts_without_them_also_from_a_bundle(
    talk, work, tmp_path
):
    runs = Finetuned(tmp_path / "finetuned").runs
    (result,) = predict(Request([talk], runs, work / "finetuned"))
    (series,) = result.folds["valence"]
    folders = {m: result.files[m].parent for m in ("visual", "audio", "text")}
    record = clip("talk", probe(talk).decoded, fps=probe(talk).fps, file=str(talk))
    renamed = [record.model_copy(update={"name": result.files["visual"].stem})]
    direct = load_run(runs[0]).predict(renamed, folders, device_name="cpu")[renamed[0].name]
    assert series.std() > 0
    np.testing.assert_allclose(series, direct, atol=1e-5)
    bundle.write(open_runs(runs), tmp_path / "one.rjcma")
    (again,) = predict(Request([talk], [tmp_path / "one.rjcma"], work / "finetuned"))
    assert all((again.folds[target] == result.folds[target]).all() for target in result.folds)

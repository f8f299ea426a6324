"""Runs on words that Whisper heard and any text encoder read predict videos with these models."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import text_models
import whisper_models
from clips import clip
from predict_world import World

from rjcma import store
from rjcma.audio.extract_all import extract_all
from rjcma.corpus.video import probe
from rjcma.jobs.digests import digest_folder
from rjcma.params import checked
from rjcma.predict.predict import Request, predict
from rjcma.problem import Problems
from rjcma.speech.section import WhisperSettings
from rjcma.speech.transcribe_all import transcribe_all
from rjcma.speech.words import read
from rjcma.text.embed_all import embed_all
from rjcma.text.settings import Text
from rjcma.training import network
from rjcma.training.clip_data import open_all


class Hearing(World):
    """Runs that were trained on the words of a tiny Whisper, read by a tiny RoBERTa."""

    def __init__(self, root) -> None:
        root.mkdir(exist_ok=True)
        self.whisper = whisper_models.save(root / "whisper")
        self.roberta = text_models.save(root / "roberta", "roberta")
        super().__init__(root)
        self.runs = self.runs[:1]

    def sections(self):
        speech = {"engine": "whisper", "model": str(self.whisper), "language": "en"}
        text = {"model": str(self.roberta), "layers": [1, -1], "combine": "concat"}
        return {**super().sections(), "speech": speech, "text": text}

    def models(self):
        return {
            "speech.model": digest_folder(self.whisper),
            "text.model": digest_folder(self.roberta),
        }

    def _opened(self, settings):
        super()._opened(settings)
        folder = self.root / "shapes"
        words = np.random.default_rng(1).normal(size=(9, 2 * 28)).astype(np.float32)
        store.write(folder / "text" / "shape.h5", words, np.arange(9))
        folders = {m: folder / m for m in settings.modalities}
        shapes = network.input_shapes(settings)
        return open_all([clip("shape", 9)], folders, shapes, None, "valence")


@pytest.fixture(scope="module")
def hearing(tmp_path_factory):
    return Hearing(tmp_path_factory.mktemp("hearing"))


def rows(path):
    with h5py.File(path) as file:
        return file["rows"][...]


def test_words_and_vectors_are_those_that_the_stages_make(hearing, talk, tmp_path):
    (result,) = predict(Request([talk], hearing.runs, tmp_path / "work"))
    assert np.isfinite(result.folds["valence"]).all()
    record = clip("talk", probe(talk).decoded, fps=probe(talk).fps, file=str(talk))
    extract_all([record], talk.parent, tmp_path / "audio")
    sections = hearing.sections()
    speech = checked(WhisperSettings, sections["speech"], "speech", "")
    transcribe_all([record], tmp_path / "audio", tmp_path / "words", speech)
    assert read(tmp_path / "words/talk.json")
    (heard,) = (tmp_path / "work").rglob("words/talk.json")
    assert read(heard) == read(tmp_path / "words/talk.json")
    text = checked(Text, sections["text"], "text", "")
    embed_all([record], heard.parents[1] / "transcripts", tmp_path / "text", text)
    np.testing.assert_allclose(
        rows(result.files["text"]), rows(tmp_path / "text/talk.h5"), atol=1e-5
    )


def test_another_whisper_than_the_runs_is_refused(hearing, talk, tmp_path):
    (hearing.whisper / "README").write_text("another")
    with pytest.raises(Problems, match=r"speech\.model.*found another model"):
        list(predict(Request([talk], hearing.runs, tmp_path / "work")))
    (hearing.whisper / "README").unlink()


def test_a_missing_whisper_is_a_line_with_the_command_that_fetches_one(hearing, talk, tmp_path):
    hearing.whisper.rename(tmp_path / "away")
    with pytest.raises(Problems, match=r"speech\.model.*`rjcma models fetch whisper-small`"):
        list(predict(Request([talk], hearing.runs, tmp_path / "work")))
    (tmp_path / "away").rename(hearing.whisper)

"""The params section `speech`."""

import pickle

import pytest

from rjcma.params import dumped, load
from rjcma.problem import Problem
from rjcma.speech.engine import Engine
from rjcma.speech.pocketsphinx_engine import PocketSphinx
from rjcma.speech.settings import ENGINES, Speech
from rjcma.speech.vosk_engine import Vosk


def section(tmp_path, text) -> Speech:
    (tmp_path / "params.yaml").write_text(f"speech: {text}\n")
    return load(tmp_path / "params.yaml", "speech", Speech)


def test_the_default_is_the_paper_s():
    assert Speech().chosen() == Vosk("models/vosk-model-en-us-0.22")


def test_a_model_is_named_by_its_folder(tmp_path):
    assert section(tmp_path, "{engine: vosk, model: a/b}").chosen() == Vosk("a/b")


@pytest.mark.parametrize("model", ["null", "a/b"])
def test_naming_pocketsphinx_is_enough(tmp_path, model):
    speech = section(tmp_path, f"{{engine: pocketsphinx, model: {model}}}")
    assert speech.chosen() == PocketSphinx()
    assert dumped(speech) == dumped(Speech(engine="pocketsphinx"))


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("{engine: whisper}", "speech.engine = 'whisper'", "one of vosk, pocketsphinx"),
        ("{engine: vosk, model: null}", "speech.model = None", "a model's folder, such as models/"),
        ("{engine: vosk, model: ''}", "speech.model = ''", "a model's folder, such as models/"),
        ("{engine: vosk, modell: a}", "speech.modell = 'a'", "one of the keys engine, model"),
        ("{engine: vosk, model: 7}", "speech.model = 7", "a valid string"),
    ],
)
def test_a_mistake_names_key_value_and_what_is_allowed(tmp_path, text, found, expected):
    with pytest.raises(Problem) as caught:
        section(tmp_path, text)
    assert caught.value.found == found and expected in caught.value.expected


@pytest.mark.parametrize("kind", ENGINES.values())
def test_an_engine_travels_to_workers(kind):
    engine = kind("a/b")
    assert isinstance(engine, Engine) and pickle.loads(pickle.dumps(engine)) == engine

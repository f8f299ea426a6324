"""The params section `speech`."""

import pickle
import pkgutil

import pytest

from rjcma.params import keyed, load
from rjcma.problem import Problem
from rjcma.speech.engine import Engine
from rjcma.speech.pocketsphinx_engine import PocketSphinx
from rjcma.speech.section import Speech, WhisperSettings
from rjcma.speech.settings import PocketSphinxSettings, VoskSettings
from rjcma.speech.transcribe import engine
from rjcma.speech.transcribe_all import models
from rjcma.speech.vosk_engine import Vosk


def section(tmp_path, text) -> Speech:
    (tmp_path / "params.yaml").write_text(f"speech: {text}\n")
    return load(tmp_path / "params.yaml", "speech", Speech)


def test_the_default_model_is_the_paper_s(tmp_path):
    assert engine(section(tmp_path, "{engine: vosk}")) == Vosk("models/vosk-model-en-us-0.22")


def test_a_model_is_named_by_its_folder(tmp_path):
    assert engine(section(tmp_path, "{engine: vosk, model: a/b}")) == Vosk("a/b")


def test_the_place_of_a_model_is_in_no_key(tmp_path):
    speech = section(tmp_path, "{engine: vosk, model: a/b}")
    assert keyed(speech) == keyed(VoskSettings(engine="vosk")) == {"engine": "vosk"}


@pytest.mark.parametrize("model", ["null", "a/b"])
def test_naming_pocketsphinx_is_enough(tmp_path, model):
    speech = section(tmp_path, f"{{engine: pocketsphinx, model: {model}}}")
    assert type(engine(speech)) is PocketSphinx and models(speech) == {}
    assert keyed(speech) == keyed(PocketSphinxSettings(engine="pocketsphinx"))


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("{engine: kaldi}", "speech.engine = 'kaldi'", "one of vosk, pocketsphinx, whisper"),
        ("{model: a/b}", "speech.engine = no value", "one of vosk, pocketsphinx, whisper"),
        ("{engine: whisper}", "speech.model = no value", "a value"),
        ("{engine: whisper, model: null}", "speech.model = null", "a model's folder, or its name"),
        ("{engine: whisper, model: a, language: 7}", "speech.language = 7", "text"),
        ("{engine: whisper, model: a, precision: fp8}", "speech.precision = 'fp8'", "'bf16'"),
        ("{engine: vosk, model: null}", "speech.model = null", "a model's folder, such as models/"),
        ("{engine: vosk, model: ''}", "speech.model = ''", "a model's folder, such as models/"),
        ("{engine: vosk, modell: a}", "speech.modell = 'a'", "one of the keys engine, model"),
        ("{engine: vosk, model: 7}", "speech.model = 7", "text"),
    ],
)
def test_a_mistake_names_key_value_and_what_is_allowed(tmp_path, text, found, expected):
    with pytest.raises(Problem) as caught:
        section(tmp_path, text)
    assert caught.value.found == found and expected in caught.value.expected


def test_of_whisper_the_language_and_the_precision_are_in_keys_and_neither_place_nor_device(
    tmp_path,
):
    speech = section(tmp_path, "{engine: whisper, model: a/b, language: de, device: cuda:1}")
    assert keyed(speech) == {"engine": "whisper", "language": "de", "precision": "fp32"}


@pytest.mark.parametrize("kind", [VoskSettings, PocketSphinxSettings, WhisperSettings])
def test_an_engine_travels_to_workers(kind):
    built = pkgutil.resolve_name(kind.implementation)("a/b")
    assert isinstance(built, Engine) and pickle.loads(pickle.dumps(built)) == built

"""The real libvosk with a model of tone bursts, whose words and times are known exactly."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import mini_vosk
import numpy as np
import pytest
import vosk
from speech_sounds import RATE, Burst, random_bursts, sound_of, write_wav

from rjcma.problem import Problem
from rjcma.speech.sound import Sound
from rjcma.speech.vosk_engine import Vosk
from rjcma.speech.vosk_model import identity

FRAME = 0.030
"""Seconds of libvosk's output frames; it places a word's start and end on one of them."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return mini_vosk.build(tmp_path_factory.mktemp("model"))


@pytest.fixture
def copy(model, tmp_path):
    """A copy of the model, to be damaged."""
    return shutil.copytree(model, tmp_path / "model")


def heard(model, path, bursts, seconds):
    """The words that the engine recognises in a WAV of bursts."""
    return Vosk(str(model)).words(Sound(write_wav(path, sound_of(bursts, seconds))))


def assert_heard(words, bursts):
    """Each burst is a word at its time, in order, with an error of about one frame."""
    assert [word.text for word in words] == [burst.word for burst in bursts]
    starts = np.array([word.start - burst.start for word, burst in zip(words, bursts)])
    ends = np.array([word.end - burst.end for word, burst in zip(words, bursts)])
    assert np.abs(starts).max() <= FRAME and np.abs(ends).max() <= 1.5 * FRAME
    assert all(0.5 < word.confidence <= 1 for word in words)


def test_each_burst_is_a_word_at_its_time(model, tmp_path):
    bursts = [Burst(0.5, 0.9, 300), Burst(1.7, 2.3, None), Burst(2.6, 2.9, 2000)]
    assert_heard(heard(model, tmp_path / "v.wav", bursts, 3.7), bursts)


def test_every_word_of_a_long_sound_is_heard_first_to_last(model, tmp_path):
    bursts = random_bursts(seed=3, count=307)
    words = heard(model, tmp_path / "v.wav", bursts, bursts[-1].end + 1)
    assert bursts[-1].end > 300
    assert_heard(words, bursts)


def test_the_word_in_which_a_sound_ends_is_heard(model, tmp_path):
    bursts = [Burst(0.5, 0.9, 300), Burst(1.7, 2.3, 2000)]
    words = heard(model, tmp_path / "v.wav", bursts, seconds=2.1)
    assert [word.text for word in words] == ["low", "high"]
    assert words[-1].end == pytest.approx(2.1, abs=1.5 * FRAME)


@pytest.mark.parametrize("seconds", [0, 1 / RATE, 0.02, 0.025, 0.03, 0.25, 11])
def test_silence_of_any_length_has_no_words(model, tmp_path, seconds):
    assert heard(model, tmp_path / "v.wav", [], seconds) == []


def test_threads_that_share_a_model_hear_what_one_alone_hears(model, tmp_path):
    sounds = [
        Sound(write_wav(tmp_path / f"{seed}.wav", sound_of(random_bursts(seed, 13), 23)))
        for seed in range(7)
    ]
    alone = [Vosk(str(model)).words(sound) for sound in sounds]
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(Vosk(str(model)).words, 3 * sounds)) == 3 * alone


def test_a_model_is_loaded_once_for_all_threads(copy, tmp_path, monkeypatch):
    loaded = []
    load = vosk.Model
    monkeypatch.setattr(vosk, "Model", lambda path: loaded.append(path) or load(path))
    sound = Sound(write_wav(tmp_path / "v.wav", sound_of([Burst(0.5, 0.9, 300)], 1.5)))
    with ThreadPoolExecutor(5) as pool:
        words = list(pool.map(lambda _: Vosk(str(copy)).words(sound), range(11)))
    assert loaded == [str(copy)]
    assert len(words) == 11 and all(heard == words[0] for heard in words)


def test_the_identity_is_the_model_s_content_and_not_its_place(model, copy):
    assert identity(str(model)) == identity(str(copy))
    (copy / "conf/model.conf").write_text(mini_vosk.MODEL_CONF.replace("15.0", "13.0"))
    assert identity(str(model)) != identity(str(copy))


def refusal(folder) -> Problem:
    """The problem with a folder that is checked but not loaded."""
    problem = identity(str(folder))
    assert isinstance(problem, Problem) and problem.file == str(folder)
    return problem


def test_a_missing_model_says_what_to_get_and_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setattr(vosk.requests, "get", lambda *_, **__: pytest.fail("used the network"))
    problem = refusal(tmp_path / "vosk-model-small-en-us-0.15")
    assert problem.found == "no such folder"
    for part in ("vosk-model-en-us-0.22", "https://alphacephei.com/vosk/models", "speech.model"):
        assert part in problem.cure


@pytest.mark.parametrize(
    "name",
    [
        "am/final.mdl",
        "conf/mfcc.conf",
        "conf/model.conf",
        "graph/HCLG.fst",
        "graph/words.txt",
        "graph/phones/word_boundary.int",
    ],
)
def test_a_model_without_one_of_its_files_is_refused(copy, name):
    (copy / name).write_bytes(b"")
    assert refusal(copy).found == f"an empty {name} in it"
    (copy / name).unlink()
    assert refusal(copy).found == f"no {name} in it"


def test_a_model_with_a_graph_in_two_parts_needs_both(copy):
    (copy / "graph/HCLG.fst").rename(copy / "graph/HCLr.fst")
    assert refusal(copy).found == "no graph/Gr.fst in it"


def test_a_model_that_would_end_the_process_is_refused(copy):
    (copy / "conf/model.conf").write_text("--beam=15.0\n")
    assert "conf/model.conf without --endpoint.silence-phones" in refusal(copy).found


@pytest.mark.parametrize("name", ["am/final.mdl", "graph/HCLG.fst", "conf/mfcc.conf"])
def test_a_model_that_libvosk_refuses_is_a_problem(copy, tmp_path, name, capfd):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2] if name != "conf/mfcc.conf" else b"\n")
    with pytest.raises(Problem) as caught:
        heard(copy, tmp_path / "v.wav", [Burst(0.5, 0.9, 300)], 1.5)
    assert caught.value.file == str(copy) and "libvosk refuses" in caught.value.found
    said_by_the_library = capfd.readouterr().err
    with pytest.raises(Problem):
        heard(copy, tmp_path / "w.wav", [], 1.5)
    assert said_by_the_library and not capfd.readouterr().err  # it is not tried again


def test_the_engine_prints_nothing(model, tmp_path):
    sound = write_wav(tmp_path / "v.wav", sound_of([Burst(0.5, 0.9, 300)], 1.5))
    code = (
        "from pathlib import Path; from rjcma.speech.vosk_engine import Vosk;"
        "from rjcma.speech.sound import Sound;"
        f"assert len(Vosk({str(model)!r}).words(Sound(Path({str(sound)!r})))) == 1"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""

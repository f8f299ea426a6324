"""The progress of long work on a single video."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tiny_corpus
from speech_sounds import RATE, to_pcm, write_wav

from rjcma import store
from rjcma.encoders.encode import encode_clip
from rjcma.jobs import progress
from rjcma.predict import encoding, listening
from rjcma.speech.engine import Engine
from rjcma.speech.sound import Sound
from rjcma.speech.words import Word, read


@pytest.fixture
def always(monkeypatch):
    """Each step prints its line."""
    monkeypatch.setattr(progress, "PLAIN_LINE_EVERY", -1.0)


def test_items_are_passed_on_and_counted_with_the_time_that_is_left(always, capsys):
    assert list(progress.watched("talk: faces", 3, "frame", iter("abc"))) == ["a", "b", "c"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" frames")[0] for line in lines] == [
        f"talk: faces: {n}/3" for n in (1, 2, 3)
    ]
    assert "s left" in lines[0] and "left" not in lines[-1]


def test_work_of_unknown_length_says_nothing(always, capsys):
    assert list(progress.watched("talk", 0, "frame", iter("abc"))) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_short_work_says_nothing(capsys):
    assert list(progress.watched("talk", 3, "frame", iter("abc"))) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


class Loud(Engine):
    """Says how many bytes of sound it was given."""

    def words(self, sound):
        return [Word(str(sum(map(len, sound.pieces(RATE)))), 0, 1, 1)]


def test_the_whole_sound_is_heard_while_progress_is_shown(tmp_path, monkeypatch, always, capsys):
    monkeypatch.setattr(listening, "engine", lambda _: Loud())
    wav = write_wav(tmp_path / "talk.wav", to_pcm(np.zeros(2 * RATE + 7)))
    listening.transcribe(None, Sound(wav, "talk"), tmp_path / "talk.json")
    assert [word.text for word in read(tmp_path / "talk.json")] == [str(2 * (2 * RATE + 7))]
    assert "talk: words: 3/3 pieces done" in capsys.readouterr().err


def test_an_encoder_gives_the_vectors_of_the_stage_while_progress_is_shown(
    tmp_path, always, capsys
):
    clip = next(c for c in tiny_corpus.write(tmp_path) if c.name == "cleo")
    settings = tiny_corpus.encoders("precompute", batch=5, device="cpu")
    for name, encode in (("ours", encoding.encode), ("stage", encode_clip)):
        encode("audio", settings, 3, tmp_path / "logmel", clip, tmp_path / f"{name}.h5")
    ours, stage = (
        store.FeatureReader(tmp_path / f"{name}.h5", clip="", frames=clip.frames)
        for name in ("ours", "stage")
    )
    assert (ours.rows[...] == stage.rows[...]).all()
    assert "cleo: audio: 5/5 steps done" in capsys.readouterr().err


def test_threads_share_one_encoder_so_that_its_random_weights_are_those_of_the_seed(
    tmp_path, monkeypatch
):
    clips, built = tiny_corpus.write(tmp_path), []

    class Slow(encoding._Watched):
        def __init__(self, *settings):
            built.append(settings)
            time.sleep(0.05)
            super().__init__(*settings)

    monkeypatch.setattr(encoding, "_Watched", Slow)
    encoding._prepared.cache_clear()
    settings = tiny_corpus.encoders("precompute", batch=5, device="cpu")
    jobs = [(clip, tmp_path / f"{clip.name}.h5") for clip in clips[:2]]
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(lambda j: encoding.encode("audio", settings, 3, tmp_path / "logmel", *j), jobs)
        )
    encoding._prepared.cache_clear()
    assert len(built) == 1

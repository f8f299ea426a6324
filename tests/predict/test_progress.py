"""The progress of long work on a single video."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import tiny_corpus
import torch
from speech_sounds import RATE, to_pcm, write_wav

from rjcma.encoders import inference
from rjcma.encoders.encode import encode_clip, side_by_side
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


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("modality", ["audio", "visual"])
def test_an_encoder_gives_the_bytes_of_the_stage_however_many_parts_run_at_once(
    tmp_path, monkeypatch, always, capsys, threads, modality
):
    clip = next(c for c in tiny_corpus.write(tmp_path) if c.name == "cleo")
    settings = tiny_corpus.encoders("precompute", batch=5, device="cpu")
    folder = tmp_path / {"audio": "logmel", "visual": "faces"}[modality]
    monkeypatch.setenv("RJCMA_WORKERS", str(threads))
    for name, around in (("ours", encoding.alone), ("stage", side_by_side)):
        with around(modality, settings, 3, folder):
            encode_clip(modality, settings, 3, folder, clip, tmp_path / f"{name}.h5")
    assert (tmp_path / "ours.h5").read_bytes() == (tmp_path / "stage.h5").read_bytes()
    assert f"cleo: {modality}: 5/5 steps done" in capsys.readouterr().err


def test_parts_run_at_once_in_order_with_one_core_each_and_few_wait():
    begun, both = [], threading.Barrier(2, timeout=10)

    def run(number):
        begun.append(number)
        if number < 2:
            both.wait()
        return number, torch.get_num_threads()

    with inference.in_parts(2, lambda what, total, values: values):
        values = inference.each("", run, range(100))
        assert next(values) == (0, 1)
        values.close()
    assert len(begun) < 6
    with inference.in_parts(2, lambda what, total, values: values):
        assert list(inference.each("", run, range(2, 9))) == [(n, 1) for n in range(2, 9)]


def test_a_part_that_fails_ends_the_clip_with_its_problem():
    def run(number):
        if number == 3:
            raise ValueError("the third")
        return number

    with (
        inference.in_parts(2, lambda what, total, values: values),
        pytest.raises(ValueError, match="third"),
    ):
        list(inference.each("", run, range(9)))
    assert list(inference.each("", str, range(2))) == ["0", "1"]

"""The sample's Vosk model on the sample's voice: errors in words and in their times."""

import random

import numpy as np
import places
import pytest
from speech_sounds import RATE, to_pcm, word_errors, write_wav

from rjcma.sample.sentences import plain_sentence
from rjcma.sample.voice import HELD_OUT_VOICES, VOICES, Espeak
from rjcma.speech.sound import Sound
from rjcma.speech.vosk_engine import Vosk

MODEL = places.ROOT / "models/vosk-sample"
SENTENCES = 60


@pytest.fixture(scope="module")
def recognised(tmp_path_factory):
    """Random sentences in random voices: words said, with their times, and words recognised."""
    rng, espeak, pairs = random.Random(20240613), Espeak(), []
    folder = tmp_path_factory.mktemp("said")
    for number in range(SENTENCES):
        style = {"rate": rng.randint(120, 200), "pitch": rng.randint(20, 80)}
        voice = rng.choice([*VOICES, *HELD_OUT_VOICES])
        said = espeak.say(plain_sentence(rng), voice=voice, **style)
        lead = rng.randint(1600, 9600)
        audio = np.concatenate([np.zeros(lead), 0.5 * said.audio, np.zeros(8000)])
        sound = Sound(write_wav(folder / f"{number}.wav", to_pcm(audio)))
        truth = [(w.text, w.start + lead / RATE, w.end + lead / RATE) for w in said.words]
        pairs.append((truth, Vosk(str(MODEL)).words(sound)))
    return pairs


def test_fewer_than_three_words_in_a_hundred_are_wrong(recognised):
    errors = sum(
        word_errors([text for text, _, _ in truth], [word.text for word in heard])
        for truth, heard in recognised
    )
    assert errors < 0.03 * sum(len(truth) for truth, _ in recognised)


def test_words_are_heard_when_they_are_said(recognised):
    starts, ends = [], []
    for truth, heard in recognised:
        if [text for text, _, _ in truth] == [word.text for word in heard]:
            starts += [word.start - start for word, (_, start, _) in zip(heard, truth)]
            ends += [word.end - end for word, (_, _, end) in zip(heard, truth)]
    assert len(starts) > 3 * SENTENCES
    assert np.median(np.abs(starts)) < 0.015 and np.median(np.abs(ends)) < 0.020
    assert np.percentile(np.abs(starts), 95) < 0.060


def test_sentences_spoken_one_after_another_are_all_heard(tmp_path):
    rng, espeak = random.Random(7), Espeak()
    parts, said = [np.zeros(8000)], []
    for _ in range(11):
        utterance = espeak.say(plain_sentence(rng), rate=rng.randint(140, 180))
        parts += [0.5 * utterance.audio, np.zeros(rng.randint(4000, 24000))]
        said += utterance.text.split()
    sound = Sound(write_wav(tmp_path / "v.wav", to_pcm(np.concatenate(parts))))
    heard = Vosk(str(MODEL)).words(sound)
    assert word_errors(said, [word.text for word in heard]) < 0.05 * len(said)
    assert [word.start for word in heard] == sorted(word.start for word in heard)
    assert all(word.start < word.end for word in heard)

"""PocketSphinx: how a sound is cut into utterances, and which words the decoder finds."""

import numpy as np
import pytest
from speech_sounds import RATE, Burst, sound_of, to_pcm, word_errors, write_wav

from rjcma.sample.voice import Espeak
from rjcma.speech import pocketsphinx_engine as engine
from rjcma.speech.pocketsphinx_engine import BLOCK, LONGEST, PocketSphinx, quietest, utterances
from rjcma.speech.sound import Sound

TEXT = "one two three four"


@pytest.fixture(scope="module")
def speech():
    """Numbers in eSpeak's voice, 1.4 s: the most human-like of its speech."""
    return to_pcm(Espeak(lexicon={}).say(TEXT, voice="en-us+m3", rate=130).audio)


def quiet(seconds):
    return np.zeros(round(seconds * RATE), "<i2")


def blocks(samples):
    return (samples[at : at + BLOCK] for at in range(0, len(samples), BLOCK))


def words(tmp_path, samples):
    return PocketSphinx().words(Sound(write_wav(tmp_path / "v.wav", samples)))


def moved(words, seconds):
    return [pytest.approx((w.start + seconds, w.end + seconds), abs=0.011) for w in words]


def test_an_utterance_is_the_sound_from_its_start(speech):
    sound = np.concatenate([quiet(3.1), speech, quiet(4), speech, quiet(0.2), speech])
    found = list(utterances(blocks(sound)))
    assert len(found) == 2
    for start, samples in found:
        np.testing.assert_array_equal(samples, sound[start : start + len(samples)])


def test_all_speech_is_in_an_utterance_and_long_silence_in_none(speech):
    sound = np.concatenate([quiet(3.1), speech, quiet(4), speech])
    kept = np.zeros(len(sound), int)
    for start, samples in utterances(blocks(sound)):
        kept[start : start + len(samples)] += 1
    assert kept.max() == 1 and kept[sound != 0].all()
    assert (kept == 0).sum() > 1.5 * RATE


def test_silence_and_no_sound_at_all_have_no_utterance():
    assert list(utterances(blocks(quiet(0)))) == []
    assert list(utterances(blocks(quiet(7)))) == []


def test_endless_speech_is_cut_at_its_pauses_and_nothing_is_lost():
    rng = np.random.default_rng(2)
    sound = rng.normal(0, 3000, 100 * RATE + 77).astype(np.int16)  # noise passes for a voice
    pauses = [17.0, 41.3, 60.0]
    for pause in pauses:
        sound[round(pause * RATE) : round((pause + 0.5) * RATE)] //= 100
    found = list(utterances(blocks(sound)))
    np.testing.assert_array_equal(np.concatenate([samples for _, samples in found]), sound)
    assert max(len(samples) for _, samples in found) <= LONGEST
    cuts = [start / RATE for start, _ in found[1:]]
    for pause in pauses:
        assert any(pause < cut < pause + 0.5 for cut in cuts)


def test_the_quietest_moment_is_found():
    sound = np.full(20 * RATE, 500, np.int16)
    sound[12 * RATE : round(12.4 * RATE)] = 3
    sound[3 * RATE : 4 * RATE] = 0  # before the first place allowed
    assert 12.1 <= quietest(sound, 5 * RATE, 19 * RATE) / RATE <= 12.3


def test_no_more_than_an_utterance_is_held():
    noise = np.random.default_rng(3).normal(0, 3000, BLOCK).astype(np.int16)
    longest = max(len(samples) for _, samples in utterances(noise for _ in range(2000)))
    assert longest <= LONGEST


@pytest.mark.parametrize("samples", [0, 1, 100, 479, 480, 799, 1601, 4801, 50 * 480])
def test_a_short_or_silent_sound_has_no_words(tmp_path, samples):
    assert words(tmp_path, np.zeros(samples, "<i2")) == []


@pytest.mark.parametrize("samples", [1, 100, 799, 1599, 1600, 2401])
def test_a_sound_shorter_than_a_word_does_no_harm(tmp_path, samples):
    tone = sound_of([Burst(0, 1, 440)], 1)[:samples]
    assert all(word.end <= 0.2 for word in words(tmp_path, tone))


def test_most_of_clear_speech_is_recognised(tmp_path, speech):
    found = words(tmp_path, speech)
    assert word_errors(TEXT.split(), [word.text for word in found]) <= 2
    assert [w.start for w in found] == sorted(w.start for w in found)
    assert all(0 <= w.start < w.end <= len(speech) / RATE + 0.02 for w in found)
    assert all(0 <= w.confidence <= 1 for w in found)
    assert not any(set(w.text) & set("<>[]()") for w in found)


def test_the_same_speech_later_has_the_same_words_later(tmp_path, speech):
    """Each utterance is decoded independently of those before, and none is left out."""
    lead = 4 * BLOCK / RATE
    first = np.concatenate([quiet(lead), speech, quiet(-len(speech) % BLOCK / RATE + 2 * lead)])
    once, thrice = words(tmp_path, first), words(tmp_path, np.tile(first, 3))
    assert len(thrice) == 3 * len(once) > 0
    for turn in range(3):
        again = thrice[turn * len(once) : (turn + 1) * len(once)]
        assert [word.text for word in again] == [word.text for word in once]
        assert [(w.start, w.end) for w in again] == moved(once, turn * len(first) / RATE)


def test_what_was_heard_before_does_not_matter(tmp_path, speech):
    engine._decoder.cache_clear()
    fresh = words(tmp_path, speech)
    words(tmp_path, np.random.default_rng(5).normal(0, 9000, 2 * RATE).astype("<i2"))
    assert words(tmp_path, speech) == fresh


def test_quiet_speech_is_amplified_and_heard(tmp_path, speech):
    whisper = (speech / 100).astype("<i2")
    assert len(words(tmp_path, whisper)) > 0.5 * len(words(tmp_path, speech))


def test_a_long_speech_without_silence_is_heard_to_its_end(tmp_path, speech, monkeypatch):
    monkeypatch.setattr(engine, "SHORTEST", RATE)
    monkeypatch.setattr(engine, "LONGEST", 2 * RATE)
    sound = np.concatenate([speech, speech, speech])
    found = words(tmp_path, sound)
    assert len(found) > 2 * len(TEXT.split())
    gaps = np.diff([0, *(w.start for w in found), len(sound) / RATE])
    assert gaps.max() < 1.0

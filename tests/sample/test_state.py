"""The states of the sample's people, how modalities show them, and the sound that follows."""

import json
from dataclasses import replace

import numpy as np
import pytest
import vosk

from rjcma.sample.cast import VIDEOS
from rjcma.sample.scene import draw_scene
from rjcma.sample.state import Errors, State, coupled, draw, shown, smooth
from rjcma.sample.talk import ROOM_LEVEL_DB, Speaker, silence, talk
from rjcma.sample.voice import SAMPLE_RATE_HZ


def steady(value):
    return lambda times: np.full(np.shape(times), float(value))


def speaker(valence=0.0, arousal=0.0):
    state = State(steady(valence), steady(arousal))
    return Speaker("en-us+m3", 160, 45, voice_state=state, words_state=state)


def speech(**state):
    return talk(np.random.default_rng(11), [speaker(**state)], 11.0)


def test_smooth_tracks_have_mean_0_and_standard_deviation_1():
    tracks = np.array([smooth(np.random.default_rng(k))(np.arange(7.0)) for k in range(600)])
    assert abs(tracks.mean()) < 0.1
    assert abs(tracks.std() - 1) < 0.1


def test_a_smooth_track_changes_at_its_pace():
    many = [smooth(np.random.default_rng(k), pace=3.0)([0.0, 0.3, 3.0, 30.0]) for k in range(600)]
    near, pace, far = (np.corrcoef(np.array(many).T)[0, 1:]).round(2)
    assert near > 0.98
    assert abs(pace - np.exp(-0.5)) < 0.1
    assert abs(far) < 0.15


def test_a_state_stays_within_1_about_its_centre():
    rng = np.random.default_rng(2)
    times = np.arange(0, 500, 0.1)
    state = draw(rng, 0.7, -0.7)
    assert np.abs([state.valence(times), state.arousal(times)]).max() < 1
    assert state.valence(times).mean() > 0.3 > -0.3 > state.arousal(times).mean()


def test_a_modality_shows_the_state_with_errors_of_its_own():
    times = np.arange(0, 400, 0.5)
    state = draw(np.random.default_rng(3), 0.0, 0.0)
    rng = np.random.default_rng(4)
    one, other = (shown(rng, state, Errors(0.2, 0.5)) for _ in range(2))
    errors = [
        one.valence(times) - state.valence(times),
        other.valence(times) - state.valence(times),
    ]
    assert abs(np.corrcoef(errors)[0, 1]) < 0.3
    assert np.std(errors[0]) < np.std(one.arousal(times) - state.arousal(times))
    assert np.abs([one.valence(times), one.arousal(times)]).max() <= 1


def test_people_in_step_share_their_states():
    one, other = State(steady(1), steady(0)), State(steady(0), steady(1))
    together = coupled(one, other, 0.25)
    assert together.valence([5.0]).tolist() == [0.75]
    assert together.arousal([5.0]).tolist() == [0.25]


def test_arousal_is_loud_fast_and_valence_bright():
    calm, wild = speech(arousal=-0.9), speech(arousal=0.9)
    dull, bright = speech(valence=-0.9), speech(valence=0.9)
    assert wild.audio.std() > 3 * calm.audio.std()
    assert rate(wild) > 1.3 * rate(calm)
    assert brightness(bright) > 1.5 * brightness(dull)


def rate(sound):
    return len(sound.words) / sum(word.end - word.start for word in sound.words)


def brightness(sound):
    spectrum = np.abs(np.fft.rfft(sound.audio)) ** 2
    middle = round(2000 * len(sound.audio) / SAMPLE_RATE_HZ)
    return spectrum[middle:].sum() / spectrum[:middle].sum()


def test_the_mouth_moves_when_its_owner_speaks_and_not_when_another_does():
    sound = talk(np.random.default_rng(5), [speaker(), speaker()], 19.0)
    middles = np.array([(word.start + word.end) / 2 for word in sound.words])
    one, other = sound.voice(0, middles), sound.voice(1, middles)
    assert (np.minimum(one, other) < 0.05).all()
    assert (np.maximum(one, other) > 0.1).mean() > 0.9
    assert one.max() > 0.3 < other.max()


def test_silence_is_digital_and_has_no_words():
    sound = silence(1.5, speakers=2)
    assert not sound.audio.any()
    assert len(sound.audio) == 1.5 * SAMPLE_RATE_HZ
    assert sound.words == []
    assert not sound.voice(1, np.arange(3.0)).any()


def test_a_room_is_quiet_before_anybody_speaks():
    sound = speech()
    before = sound.audio[: round((sound.words[0].start - 0.02) * SAMPLE_RATE_HZ)]
    assert 0 < before.std() < 10 ** (ROOM_LEVEL_DB / 20)


@pytest.mark.parametrize("name", ["16-30-480x270", "7-30-480x270", "33-25-480x270"])
def test_the_vosk_model_understands_what_is_said(name):
    video = next(video for video in VIDEOS if video.name == name)
    sound = draw_scene(replace(video, fps=1), seed=1).sound
    vosk.SetLogLevel(-1)
    heard = recognised(vosk.Model("models/vosk-sample"), sound.audio)
    said = [word.text for word in sound.words]
    assert len(said) > 20
    assert [word["word"] for word in heard] == said
    late = np.array([word["start"] for word in heard]) - [word.start for word in sound.words]
    assert np.abs(late).max() < 0.1


def recognised(model, audio):
    recogniser = vosk.KaldiRecognizer(model, SAMPLE_RATE_HZ)
    recogniser.SetWords(True)
    pcm = np.round(audio * 32767).astype("<i2").tobytes()
    words = []
    for start in range(0, len(pcm), 8000):
        if recogniser.AcceptWaveform(pcm[start : start + 8000]):
            words += json.loads(recogniser.Result()).get("result", [])
    return words + json.loads(recogniser.FinalResult()).get("result", [])

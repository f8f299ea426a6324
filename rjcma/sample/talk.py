"""The soundtrack of a video: what its people say, and how.

Sentences are chosen to suit the speaker's state, with an error (`state.WORDS`). Arousal makes the
voice louder, faster and higher; valence makes it brighter, as a smile does, and livelier.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from rjcma.sample.sentences import fitting_sentence, plain
from rjcma.sample.state import Floats, State
from rjcma.sample.voice import SAMPLE_RATE_HZ, Espeak, Lexicon, Span, Utterance
from rjcma.timeline import Seconds

ROOM_LEVEL_DB = -66.0  # room noise, relative to full scale
SPEECH_LEVEL_DB = -22.0  # a voice at arousal 0, relative to full scale
LOUDER_DB = 8.0  # from arousal 0 to 1
BRIGHTER = 0.45  # b of the filter 1 - b z^-1, at valence 1
FASTER, HIGHER, LIVELIER = 38, 24, 28  # words per minute; eSpeak's pitch and pitch range
PAUSE: Seconds = 0.45  # between sentences, at arousal 0
LOUDNESS_RATE_HZ = 200
PEAK = 0.95
TRIES = 6  # sentences too long for the rest of the video, before the talk ends


@dataclass(frozen=True)
class Speaker:
    """A voice, and the speaker's state as voice and words show it."""

    voice: str  # as eSpeak names it
    rate: int
    pitch: int
    voice_state: State
    words_state: State


class Soundtrack(NamedTuple):
    """The sound of a video, (n,) float32 at SAMPLE_RATE_HZ, and what is said in it."""

    audio: NDArray[np.float32]
    text: list[str]  # the sentences, written
    words: list[Span]  # the words, plain
    loudness: list[Floats]  # of each speaker, 0 to about 1, at LOUDNESS_RATE_HZ

    def voice(self, speaker: int, times: Floats) -> Floats:
        """How loud a speaker is at the given times, (T,)."""
        loudness = self.loudness[speaker]
        return np.interp(times, np.arange(len(loudness)) / LOUDNESS_RATE_HZ, loudness)


def silence(seconds: Seconds, speakers: int) -> Soundtrack:
    """The soundtrack of a video in which nobody speaks."""
    still = [np.zeros(1) for _ in range(speakers)]
    return Soundtrack(np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32), [], [], still)


def talk(rng: Generator, speakers: Sequence[Speaker], seconds: Seconds) -> Soundtrack:
    """The soundtrack of speakers who take turns until no other sentence fits."""
    espeak, dice = Espeak(_lexicon()), random.Random(int(rng.integers(2**32)))
    size = round(seconds * SAMPLE_RATE_HZ)
    sound = [np.zeros(size, np.float32) for _ in speakers]
    text: list[str] = []
    words: list[Span] = []
    now, turn = dice.uniform(0.15, 0.5), dice.randrange(len(speakers))
    failed = 0
    while failed < TRIES:
        speaker = speakers[turn]
        written, utterance = _sentence(dice, espeak, speaker, now)
        start = round(now * SAMPLE_RATE_HZ)
        end = start + len(utterance.audio)
        if end > size:  # a shorter sentence may fit
            failed += 1
            continue
        sound[turn][start:end] += _voiced(utterance.audio, speaker, now)
        text.append(written)
        words += [Span(w, now + begins, now + ends) for w, begins, ends in utterance.words]
        now = end / SAMPLE_RATE_HZ + _pause(dice, speaker, now)
        turn = (turn + (dice.random() < 0.7)) % len(speakers)
    room = 10 ** (ROOM_LEVEL_DB / 20) * rng.normal(size=size)
    audio = np.sum(sound, axis=0) + gaussian_filter1d(room, 1.0)
    return Soundtrack(
        np.clip(audio, -PEAK, PEAK).astype(np.float32), text, words, [*map(_loudness, sound)]
    )


def _sentence(
    dice: random.Random, espeak: Espeak, speaker: Speaker, now: Seconds
) -> tuple[str, Utterance]:
    """The sentence that the speaker says at time `now`, written and spoken."""
    soon = now + 0.8  # the middle of a sentence
    written = fitting_sentence(
        dice, float(speaker.words_state.valence(soon)), float(speaker.words_state.arousal(soon))
    )
    valence, arousal = (
        float(speaker.voice_state.valence(soon)),
        float(speaker.voice_state.arousal(soon)),
    )
    return written, espeak.say(
        plain(written),
        voice=speaker.voice,
        rate=round(speaker.rate + FASTER * arousal),
        pitch=round(min(max(speaker.pitch + HIGHER * arousal, 2), 97)),
        pitch_range=round(48 + LIVELIER * valence + 12 * arousal),
    )


def _voiced(audio: NDArray[np.float32], speaker: Speaker, now: Seconds) -> NDArray[np.float32]:
    """An utterance with the loudness and brightness that follow from the speaker's state."""
    times = now + np.arange(len(audio)) / SAMPLE_RATE_HZ
    knots = np.linspace(times[0], times[-1], 16)
    level = SPEECH_LEVEL_DB + LOUDER_DB * np.interp(
        times, knots, speaker.voice_state.arousal(knots)
    )
    bright = float(speaker.voice_state.valence(now + 0.8))
    filtered = lfilter([1.0, -BRIGHTER * bright], [1.0], audio)
    even = filtered / np.sqrt(np.mean(filtered**2))
    return (even * 10 ** (level / 20)).astype(np.float32)


def _pause(dice: random.Random, speaker: Speaker, now: Seconds) -> Seconds:
    return PAUSE * dice.uniform(0.6, 1.4) * float(1 - 0.5 * speaker.voice_state.arousal(now))


def _loudness(sound: NDArray[np.float32]) -> Floats:
    """A voice's loudness over time, at LOUDNESS_RATE_HZ; it opens the mouth."""
    hop = SAMPLE_RATE_HZ // LOUDNESS_RATE_HZ
    power = (sound[: len(sound) // hop * hop].astype(np.float64).reshape(-1, hop) ** 2).mean(1)
    strength = np.sqrt(gaussian_filter1d(power, 0.03 * LOUDNESS_RATE_HZ))
    speaking = np.sqrt(gaussian_filter1d(power, 0.6 * LOUDNESS_RATE_HZ)) + 1e-4
    return np.clip(0.62 * strength / speaking, 0, 1.1)


@functools.cache
def _lexicon() -> Lexicon:
    """eSpeak's pronunciations of the vocabulary, computed once per process."""
    return Espeak().lexicon

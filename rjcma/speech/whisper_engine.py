"""Whisper by `transformers`, on sound of any length.

The sound is read in windows of 30 seconds that overlap by 10 (`rjcma.speech.seams`), one at a time,
so memory does not grow with it and no word depends on what was heard long before. Windows that are
silent are left out.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rjcma.jobs.progress import say, watched
from rjcma.speech import whisper_model, words
from rjcma.speech.engine import Engine
from rjcma.speech.seams import PARTS, Overlap, Samples, Window, extend, in_order, windows
from rjcma.speech.section import WhisperSettings
from rjcma.speech.sound import Sound
from rjcma.speech.whisper_network import Network
from rjcma.speech.words import Word
from rjcma.timeline import Seconds
from rjcma.wav import RATE, Wav

AUDIBLE = RATE // 10
"""Samples: less sound has no word (ours)."""

SILENT = 8
"""A window is silent if no sample is greater, of 32768: -72 dB of full scale (ours)."""

_loading = threading.Lock()


def transcribe(settings: WhisperSettings, sound: Sound, out: Path) -> None:
    """Recognise the words of a sound as the settings say, and write them to `out`.

    Raises `Problem` for a model that cannot be used, and a language that it does not know.
    """
    words.write(out, engine(settings).words(sound))


def engine(settings: WhisperSettings) -> Whisper:
    """The engine of these settings, its model not yet loaded."""
    return Whisper(settings.model, settings.language, settings.device, settings.precision)


@dataclass(frozen=True)
class Whisper(Engine):
    """The engine `whisper`. A word's confidence is the mean probability of its tokens."""

    language: str | None = None
    device: str = "auto"
    precision: str = "fp32"

    def words(self, sound: Sound) -> list[Word]:
        with _loading:
            network = _network(self.model or "", self.device, self.precision)
        if problem := whisper_model.language_problem(network.says, self.language):
            raise problem
        language = self.language or ("" if network.is_multilingual else "en")
        heard: list[Word] = []
        before: Seconds = 0.0  # where the window before ended
        for window in _windows(sound, network.samples):
            start = window.start / RATE
            new: list[Word] = []
            if _is_audible(window.samples):
                state = network.read(window.samples)
                if not language and state.is_speech:
                    language = state.language
                    say(f"{sound.video}: language {language} (detected)")
                new = network.words(state, window.samples, language or state.language)
            extend(heard, [_later(word, start) for word in new], Overlap(start, before))
            before = start + len(window.samples) / RATE
        return in_order(heard, before)


def _is_audible(samples: Samples) -> bool:
    return len(samples) >= AUDIBLE and int(np.abs(samples.astype(np.int32)).max()) > SILENT


def _windows(sound: Sound, length: int) -> Iterator[Window]:
    """The windows of a sound, with progress shown."""
    with Wav(sound.path, sound.video) as wav:
        parts = -(-wav.samples * PARTS // length)
    total = max(1, -(-(parts - PARTS) // (PARTS - 1)) + 1) if parts else 0
    found = windows(sound.pieces(length // PARTS), length // PARTS * PARTS)
    return watched(f"{sound.video}: words", total, "window", found)


def _later(word: Word, seconds: Seconds) -> Word:
    return word._replace(start=word.start + seconds, end=word.end + seconds)


@functools.lru_cache(maxsize=1)
def _network(name: str, device: str, precision: str) -> Network:
    """The loaded model; the last one stays in memory."""
    return Network(name, device, precision)

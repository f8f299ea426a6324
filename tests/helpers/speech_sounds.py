"""Sounds for the tests of speech: tone bursts at known times, and WAV files of them."""

from __future__ import annotations

import os
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

RATE = 16_000


class Burst(NamedTuple):
    """A tone with its start and end; `hertz` None is white noise."""

    start: float
    end: float
    hertz: float | None

    @property
    def word(self) -> str:
        """The word for it in the tone-burst model."""
        return "[unk]" if self.hertz is None else "low" if self.hertz < 900 else "high"


def random_bursts(seed: int, count: int) -> list[Burst]:
    """Low and high tones of 0.2 to 0.9 s at random places, 0.2 to 1.1 s apart."""
    rng = np.random.default_rng(seed)
    at, bursts = 0.3, []
    for _ in range(count):
        length = rng.uniform(0.2, 0.9)
        hertz = rng.uniform(150, 600) if rng.random() < 0.5 else rng.uniform(1400, 5000)
        bursts.append(Burst(at, at + length, hertz))
        at += length + rng.uniform(0.2, 1.1)
    return bursts


def sound_of(bursts: list[Burst], seconds: float) -> np.ndarray:
    """The bursts as samples, with silence between them."""
    samples = np.zeros(round(seconds * RATE))
    noise = np.random.default_rng(0)
    for burst in bursts:
        first, last = round(burst.start * RATE), round(burst.end * RATE)
        n = np.arange(last - first)
        tone = noise.uniform(-1, 1, n.size)
        if burst.hertz is not None:
            tone = np.sin(2 * np.pi * burst.hertz * n / RATE)
        samples[first:last] = 0.3 * tone[: samples[first:last].size]
    return to_pcm(samples)


def to_pcm(samples: np.ndarray) -> np.ndarray:
    """Samples of full scale 1 as 16-bit numbers."""
    return np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2")


def write_wav(
    path: Path, samples: np.ndarray, *, rate: int = RATE, channels: int = 1, width: int = 2
) -> Path:
    """Write a WAV file; -> its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def word_errors(said: list[str], heard: list[str]) -> int:
    """Substitutions, insertions and deletions between two lists of words (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        left, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(left[j] + 1, row[-1] + 1, left[j - 1] + (word != other)))
    return row[-1]


def real_whisper() -> str:
    """The Whisper model that RJCMA_WHISPER names; the test is skipped if there is none."""
    model = os.environ.get("RJCMA_WHISPER")
    if not model:
        pytest.skip("RJCMA_WHISPER names no Whisper model with published weights")
    return model


def real_media() -> Path:
    """The folder of real recordings; the test is skipped if there is none."""
    folder = os.environ.get("RJCMA_SHARED")
    if not folder:
        pytest.skip("RJCMA_SHARED names no folder of real recordings")
    return Path(folder)

"""Recognise the words of a video as stage `transcribe` does, with its progress shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rjcma.jobs.progress import watched
from rjcma.speech import words
from rjcma.speech.settings import Speech
from rjcma.speech.sound import Sound
from rjcma.speech.transcribe import engine
from rjcma.wav import Wav


def transcribe(settings: Speech, sound: Sound, path: Path) -> None:
    """Write the words of a sound."""
    words.write(path, engine(settings).words(_Watched(sound.path, sound.video)))


class _Watched(Sound):
    """A sound that shows how much of it has been read."""

    def pieces(self, samples: int) -> Iterator[bytes]:
        """The pieces of the sound; the longest passes are those of recognisers."""
        with Wav(self.path, self.video) as wav:
            total = wav.samples
        heard = watched(
            f"{self.video}: words", -(-total // samples), "piece", super().pieces(samples)
        )
        yield from heard

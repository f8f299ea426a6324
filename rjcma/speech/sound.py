"""A video's sound as recognisers want it: 16 kHz, mono, 16 bits, never whole in memory."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rjcma.problem import Problem

RATE = 16_000
"""Samples a second: what speech models are trained on, and stage extract_audio writes."""

SAMPLE_BYTES = 2


@dataclass(frozen=True)
class Sound:
    """The WAV file of a video's sound; `video` is only named in problems."""

    path: Path
    video: str = ""

    def pieces(self, samples: int) -> Iterator[bytes]:
        """The whole sound, first to last, `samples` at a time (the last piece may be shorter).

        Raises `Problem` for a file that is missing, is no WAV, has another format, or ends before
        its header says.
        """
        with self._opened() as file:
            left = file.getnframes()
            while left:
                piece = file.readframes(min(samples, left))
                if len(piece) != SAMPLE_BYTES * min(samples, left):
                    end = file.getnframes() - left + len(piece) // SAMPLE_BYTES
                    raise self._problem(
                        f"an end after {end} samples", f"the header's {file.getnframes()}"
                    )
                left -= len(piece) // SAMPLE_BYTES
                yield piece

    def _opened(self) -> wave.Wave_read:
        try:
            file = wave.open(str(self.path), "rb")  # noqa: SIM115 - the caller closes it
        except FileNotFoundError:
            raise self._problem("no such file", "the video's sound") from None
        except (wave.Error, EOFError) as error:
            raise self._problem(str(error) or "an unfinished header", "a WAV file") from None
        form = file.getframerate(), file.getnchannels(), 8 * file.getsampwidth()
        if form != (RATE, 1, 8 * SAMPLE_BYTES):
            file.close()
            found = "{} Hz, {} channels, {} bits".format(*form)
            raise self._problem(found, f"{RATE} Hz, 1 channel, {8 * SAMPLE_BYTES} bits")
        return file

    def _problem(self, found: str, expected: str) -> Problem:
        cure = "delete the file and run `dvc repro`: it is made again"
        return Problem(clip=self.video, file=self.path, found=found, expected=expected, cure=cure)

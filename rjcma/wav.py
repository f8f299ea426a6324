"""The pipeline's sound files: WAV, 16 kHz, mono, 16 bits, read part by part."""

from __future__ import annotations

import wave
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from rjcma.problem import Problem

RATE = 16_000
"""Samples per second: those that VGGish and the speech recognisers were trained on."""

CURE = "delete the file and run `dvc repro`: it is made again"


class Wav:
    """An open WAV file of the pipeline; only the samples that are read are held in memory.

    `samples` is its length. `clip` is for error messages only. Raises `Problem` for a file that is
    missing, is not a WAV file, has another format, or is shorter than its header says.

    >>> with Wav(path) as sound:  # doctest: +SKIP
    ...     first_second = sound.read(0, RATE)
    """

    def __init__(self, path: Path, clip: str = "") -> None:
        self.path, self.clip = Path(path), clip
        try:
            self._file = wave.open(str(path), "rb")  # noqa: SIM115  # closed by __exit__
        except FileNotFoundError:
            raise self._problem("no such file", "the video's sound") from None
        except (wave.Error, EOFError) as error:
            raise self._problem(str(error) or "an unfinished header", "a WAV file") from None
        self.samples = self._file.getnframes()
        self._check()

    def read(self, start: int, stop: int) -> NDArray[np.int16]:
        """Samples `start` to `stop`, fewer if the file ends before."""
        start, stop = min(start, self.samples), min(stop, self.samples)
        self._file.setpos(start)
        pcm = np.frombuffer(self._file.readframes(stop - start), "<i2")
        if len(pcm) != stop - start:
            raise self._problem(
                f"an end after {start + len(pcm)} samples", f"the header's {self.samples}"
            )
        return pcm.astype(np.int16, copy=False)

    def __enter__(self) -> Wav:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _check(self) -> None:
        rate, channels = self._file.getframerate(), self._file.getnchannels()
        bits = 8 * self._file.getsampwidth()
        if (rate, channels, bits) != (RATE, 1, 16):
            self._file.close()
            found = f"{rate} Hz, {channels} channels, {bits} bits"
            raise self._problem(found, f"{RATE} Hz, 1 channel, 16 bits")

    def _problem(self, found: str, expected: str) -> Problem:
        return Problem(clip=self.clip, file=self.path, found=found, expected=expected, cure=CURE)

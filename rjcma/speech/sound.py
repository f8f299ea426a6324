"""A video's sound, read in pieces for recognisers, never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rjcma.wav import Wav


@dataclass(frozen=True)
class Sound:
    """The WAV file of a video's sound; `video` is the video's name, for problems."""

    path: Path
    video: str = ""

    def pieces(self, samples: int) -> Iterator[bytes]:
        """The whole sound, first to last, `samples` at a time (the last piece may be shorter).

        Raises `Problem` as `Wav` does.
        """
        with Wav(self.path, self.video) as wav:
            for start in range(0, wav.samples, samples):
                yield wav.read(start, start + samples).astype("<i2", copy=False).tobytes()

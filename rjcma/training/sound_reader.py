"""Reads the sound of a clip's frames, for an encoder that is trained, as `FeatureReader` reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from rjcma.encoders.sound import needed
from rjcma.manifest import Clip
from rjcma.store import Array, FeatureReader
from rjcma.wav import RATE, Wav

HEARD = RATE // 10
"""Samples around a frame's beginning by which its loudness is compared (ours)."""

BEYOND = RATE
"""Samples after the sound's end at which all later frames count as being (ours): they have its last
state wherever they are, and silence between it and them need not be read."""


class SoundReader(FeatureReader):
    """The sound of a clip: rows are the samples of its video, (samples,) int16, read from the WAV.

    The index (T, 4) float64 is that of `rjcma.encoders.sound.Sound`; a frame needs no rows beyond
    the chunk that it names, so the span is 0. Raises `Problem` for a file that is missing, is no
    reference to sound, or does not fit the clip, and for sound that is missing.
    """

    def __init__(self, path: Path, clip: Clip) -> None:
        super().__init__(path, clip=clip.name, frames=clip.frames, span=0)

    def take(self, frames: Array) -> Array:
        """The loudness of any frames, (len(frames), 1): the logarithm of their sound's power."""
        starts = np.asarray(self.index[frames, 0], np.int64)
        sounds = [self.rows[max(0, at - HEARD) : at + HEARD].astype(np.float64) for at in starts]
        powers = [np.log(np.square(sound).mean() + 1) if len(sound) else 0.0 for sound in sounds]
        return np.array(powers).reshape(-1, 1)

    def _opened(self) -> tuple[Any, Array]:
        try:
            with h5py.File(self.path, "r") as file:
                frames, sound = file["index"][...], str(file.attrs["sound"])
        except FileNotFoundError:
            raise self._problem("no such file", "a feature of this clip") from None
        except (OSError, KeyError):
            raise self._problem(
                "no reference to sound", "where each frame is in its video's sound"
            ) from None
        if frames.shape != (self.frames, 2):
            raise self._problem(f"{len(frames)} frames", f"the clip's {self.frames}")
        samples = _Samples(Path(os.path.normpath(self.path.parent / sound)), self.clip)
        chunks = needed(frames, samples.shape[0])
        frames = np.minimum(frames, samples.shape[0] + BEYOND)
        self._rows, self._index = samples, np.concatenate([frames, chunks], axis=1)
        return self._rows, self._index


class _Samples:
    """The samples of a WAV file, and silence after them; it is open only while it is read."""

    dtype = np.dtype(np.int16)

    def __init__(self, path: Path, clip: str) -> None:
        self.path, self.clip = path, clip
        with Wav(path, clip) as sound:
            self.shape = (sound.samples,)

    def __getitem__(self, part: slice) -> NDArray[np.int16]:
        with Wav(self.path, self.clip) as sound:
            samples = sound.read(part.start, part.stop)
        return np.pad(samples, (0, part.stop - part.start - len(samples)))

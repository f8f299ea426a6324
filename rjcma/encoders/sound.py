"""The sound of a clip for an encoder that is trained: where it is, and what each frame needs of it.

    index  (T, 2) float64  where each frame begins and ends, in samples of the video's sound

The file is a reference: its attribute `sound` is the relative path of the video's WAV, and `digest`
that of the WAV's content, so its own content changes when the sound changes.

A window's frames are encoded from the sound around them: from a whole second at least `CONTEXT`
before the first frame, to a whole second at least as much after the last. Since chunks begin at
whole seconds, the states of a model whose stride divides a second lie on the grid of the sound
(`rjcma.encoders.chunks`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from numpy.typing import NDArray

from rjcma.encoders.placing import edges
from rjcma.manifest import Clip
from rjcma.wav import RATE, Wav

if TYPE_CHECKING:  # no computation here needs it
    from torch import Tensor

CONTEXT = RATE
"""Samples before and after a window's frames, at least, as far as there are so many (ours)."""


@dataclass(frozen=True)
class Sound:
    """The sound of several windows, as an encoder reads it."""

    rows: Tensor
    """Samples (R,) int16, of all windows."""
    index: Tensor
    """Of each of N frames, where it begins and ends, and where the chunk begins and ends that it
    needs, in these samples, (N, 4) float64."""
    lengths: list[int]
    """Frames of each window, which come one after another."""


def refer(clip: Clip, wav: Path, digest: str, path: Path) -> None:
    """Write the reference of a clip's frames to its video's sound.

    Raises `Problem` for sound that is missing or no such file.
    """
    with Wav(wav, clip.name):
        pass
    with h5py.File(path, "w") as file:
        file.attrs["digest"] = digest
        file.attrs["sound"] = os.path.relpath(wav, path.parent)
        file.create_dataset("index", data=np.stack(edges(clip), axis=1) * RATE)


def needed(frames: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Where the chunk that each frame needs begins and ends, (T, 2), in so much sound."""
    total = max(samples, 1)  # no sound at all is followed by silence
    last = (total - 1) // RATE * RATE  # where the last second begins
    low = np.minimum(frames[:, 0] // RATE * RATE, last) - CONTEXT
    high = -(-frames[:, 1] // RATE) * RATE + CONTEXT
    return np.stack([np.maximum(low, 0), np.minimum(high, total)], axis=1)

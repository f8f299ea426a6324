"""The log-mel spectrogram for VGGish as rows, and the row at which each frame's window begins.

Follows VGGish's front end as the paper uses it: 64 mel bands of the magnitudes of a short-time
Fourier transform at 100 Hz, log(x + 0.01), 96 rows (0.96 s) per frame. One thing differs: the rows
are computed once, and a frame points to its window's first row. The released code rounded the step
between frames to whole rows, and so drifted by 11 frames in ten minutes at 30 fps.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torchaudio.compliance.kaldi import get_mel_banks

from rjcma import store
from rjcma.audio.windows import BANDS, ROWS_PER_SECOND, WINDOW_ROWS
from rjcma.wav import RATE, Wav

HOP = RATE // ROWS_PER_SECOND  # 160 samples
WINDOW = RATE // 40  # 400 samples, 25 ms: the Fourier transform's window (VGGish)
FFT_SIZE = 512  # of the Fourier transform (VGGish)
LOWEST_HZ, HIGHEST_HZ = 125.0, 7500.0  # of the mel bands (VGGish)
OFFSET = 0.01  # added before the logarithm (VGGish)
HELD = RATE  # samples: the last sample is repeated for one second (the released code)
PIECE = 1000  # rows computed at a time, ten seconds of sound (ours: about 50 MB of memory)


def row_count(samples: int) -> int:
    """The number of whole rows that `samples` samples give."""
    return max(0, (samples - WINDOW) // HOP + 1)


def rows(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The log-mel rows of 16 kHz samples, (row_count, 64), nothing appended.

    Computed in double precision, so that the stored float32 does not depend on where a piece
    begins. It differs from the reference by a quarter of the released code's rounding error.
    """
    if len(samples) < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    whole = torch.from_numpy(samples.astype(np.float64) / 2**15)
    padded = torch.nn.functional.pad(whole, (0, FFT_SIZE - WINDOW))
    spectrum = torch.stft(
        padded, FFT_SIZE, HOP, FFT_SIZE, window=_window(), center=False, return_complex=True
    )
    mel = spectrum.abs().T @ _bands()
    return torch.log(mel + OFFSET).to(torch.float32).numpy()


def write(wav: Path, index: NDArray[np.int32], clip: str, stretch: bool, path: Path) -> None:
    """Write the store file of a clip: the rows of `wav`, (S, 64), and `index`, (T,).

    Of a `stretch` of a video, only the rows that its frames need are written. The sound's last
    sample is repeated for one second, or for as long as the last frame's window needs: an
    annotation may have more frames than its video. Read, computed and written in pieces.
    Raises `Problem` as `Wav` does.
    """
    with Wav(wav, clip) as sound:
        needed = int(index.max(initial=0)) + WINDOW_ROWS
        first = int(index[0]) if stretch else 0
        count = (needed if stretch else max(row_count(sound.samples + HELD), needed)) - first
        with store.create(path, (count, BANDS), np.float32, index - first) as dataset:
            for start in range(0, count, PIECE):
                stop = min(start + PIECE, count)
                samples = _held(sound, (first + start) * HOP, (first + stop - 1) * HOP + WINDOW)
                dataset[start:stop] = rows(samples)


def _held(sound: Wav, start: int, stop: int) -> NDArray[np.int16]:
    """Samples `start` to `stop`; after the sound's end its last sample, or 0 if it has none."""
    samples = sound.read(start, stop)
    missing = stop - start - len(samples)
    if not missing:
        return samples
    last = sound.read(max(sound.samples - 1, 0), sound.samples)
    held = np.full(missing, last[0] if len(last) else 0, np.int16)
    return np.concatenate([samples, held])


@functools.cache
def _window() -> torch.Tensor:
    """A periodic Hann window of 400, zero-padded on the right to 512."""
    hann = torch.hann_window(WINDOW, periodic=True, dtype=torch.float64)
    return torch.nn.functional.pad(hann, (0, FFT_SIZE - WINDOW))


@functools.cache
def _bands() -> torch.Tensor:
    """The mel filters, (257, 64): triangles on the mel scale; the last bin (Nyquist) weighs 0."""
    warped = (100.0, -500.0, 1.0)  # A vocal-tract warp of 1: no warp.
    filters, _ = get_mel_banks(BANDS, FFT_SIZE, RATE, LOWEST_HZ, HIGHEST_HZ, *warped)
    return torch.nn.functional.pad(filters, (0, 1)).T.to(torch.float64)

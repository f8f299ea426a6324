"""Video files: frames and sound, encoded so that the same content gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from numpy.typing import NDArray
from scipy.signal import resample_poly

from rjcma.sample.canvas import Image
from rjcma.sample.voice import SAMPLE_RATE_HZ

TICKS = 90000  # per second; the unit of frame times
SOUND_RATE_HZ = 48000
CODECS = {"mp4": ("libx264", "aac"), "avi": ("mpeg4", "pcm_s16le")}
"""The video and audio codec of each container."""


def write(
    path: Path,
    frames: Iterator[Image],
    *,
    size: tuple[int, int],
    fps: Fraction,
    audio: NDArray[np.float32],
    times: Sequence[float] | None = None,
) -> None:
    """Write a film of RGB frames of `size` (width, height) and mono sound at SAMPLE_RATE_HZ.

    Frame k is shown at `times[k]` seconds, by default k / fps. The path's suffix gives the
    container: .mp4 (H.264, AAC) or .avi (MPEG-4, PCM).
    """
    kind = path.suffix[1:]
    with av.open(str(path), "w", format=kind, options={"fflags": "+bitexact"}) as container:
        picture = _picture_stream(container, CODECS[kind][0], size, fps, times is not None)
        sound = _Sound(container, CODECS[kind][1], audio)
        for k, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base = picture.codec_context.time_base
            frame.pts = k if times is None else round(times[k] * TICKS)
            sound.write_until(float(frame.pts * frame.time_base) + 1.0)
            container.mux(picture.encode(frame))
        sound.write_until(float("inf"))
        container.mux(picture.encode(None))


def _picture_stream(
    container: Any, codec: str, size: tuple[int, int], fps: Fraction, irregular: bool
) -> Any:
    stream = container.add_stream(codec, rate=fps)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS) if irregular else 1 / fps
    context.thread_count = 1  # the number of threads can change the bytes
    context.flags |= Flags.bitexact.value
    if codec == "libx264":
        stream.options = {"preset": "superfast", "crf": "21"}
    else:
        context.bit_rate = 1_500_000
    return stream


class _Sound:
    """The audio stream, written in pieces between the frames."""

    def __init__(self, container: Any, codec: str, audio: NDArray[np.float32]) -> None:
        self.container = container
        self.stream = container.add_stream(codec, rate=SOUND_RATE_HZ, layout="mono")
        self.stream.codec_context.flags |= Flags.bitexact.value
        if codec == "aac":
            self.stream.codec_context.bit_rate = 80_000
        finer = resample_poly(audio, SOUND_RATE_HZ // SAMPLE_RATE_HZ, 1)
        self.samples = np.round(np.clip(finer, -1, 1) * 32767).astype(np.int16)
        self.written = 0

    def write_until(self, seconds: float) -> None:
        """Write the audio before a time; infinity writes the rest and closes the stream."""
        piece = 1024
        while self.written < len(self.samples) and self.written < seconds * SOUND_RATE_HZ:
            samples = self.samples[None, self.written : self.written + piece]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = SOUND_RATE_HZ
            frame.time_base = Fraction(1, SOUND_RATE_HZ)
            frame.pts = self.written
            self.container.mux(self.stream.encode(frame))
            self.written += samples.shape[1]
        if seconds == float("inf"):
            self.container.mux(self.stream.encode(None))

"""Write a film that every player and browser plays: H.264 and AAC in an MP4 file.

The same pictures and sound give the same bytes. Memory does not grow with the film's length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from rjcma.jobs.files import written
from rjcma.mp4.sound import Form, Samples
from rjcma.timeline import Seconds
from rjcma.vision.pictures import Pixels

TICKS = 90000
"""Per second: the unit of frame times, as in MPEG."""

AHEAD: Seconds = 0.5
"""How far the sound is written ahead of the pictures (ours)."""

THREADS = 4
"""Of the encoder, on every machine: their number changes the bytes (ours)."""

BLOCK = 1024
"""Samples in a frame of AAC."""

BITS_A_CHANNEL = 96_000
"""Bits a second of sound, per channel (ours)."""


class Quality(NamedTuple):
    """How much the encoder tries (x264's preset), and its constant quality, 0 to 51, 0 the best."""

    preset: str = "veryfast"
    crf: int = 20


USUAL = Quality()


class Sound(NamedTuple):
    """A film's sound."""

    form: Form
    samples: Iterator[Samples]


def write(
    path: Path,
    pictures: Iterable[tuple[Seconds, Pixels]],
    size: tuple[int, int],
    sound: Sound | None,
    *,
    end: Seconds,
    quality: Quality = USUAL,
) -> None:
    """Write RGB pictures of `size` (width, height; both even), each at its time from 0 on,
    in rising order.

    The last picture is shown until `end`, and sound is cut there. Raises `Problem` for a path that
    cannot be written and for a full disk; then nothing is left of the file.
    """
    with written(path, "a path for an MP4 file") as partial:
        _write(partial, pictures, size, sound, end, quality)


def _write(
    path: Path,
    pictures: Iterable[tuple[Seconds, Pixels]],
    size: tuple[int, int],
    sound: Sound | None,
    end: Seconds,
    quality: Quality,
) -> None:
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream = _stream(container, size, quality)
        track = None if sound is None else _Track(container, sound, end)
        for frame in _timed((_frame(time, pixels) for time, pixels in pictures), end):
            if track is not None:
                track.write_until(frame.pts / TICKS + AHEAD)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if track is not None:
            track.close()


def _stream(container: Any, size: tuple[int, int], quality: Quality) -> Any:
    """The stream of pictures."""
    stream = container.add_stream("libx264", rate=Fraction(TICKS))
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    # Without B-frames a file needs no list of edits, and every frame has its own duration. x264's
    # "mbtree" reads memory that it has not set, so that the same pictures may give other bytes.
    options = {"preset": quality.preset, "crf": str(quality.crf), "bf": "0", "mbtree": "0"}
    stream.options = options
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS)
    context.thread_count = THREADS
    context.flags |= Flags.bitexact.value | Flags.frame_duration.value
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _frame(time: Seconds, pixels: Pixels) -> Any:
    """A picture as the encoder takes it."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    matrix, levels = Colorspace.ITU709, ColorRange.MPEG
    frame = frame.reformat(
        format="yuv420p", dst_colorspace=matrix, dst_color_range=levels, threads=1
    )
    frame.time_base, frame.pts = Fraction(1, TICKS), round(time * TICKS)
    return frame


def _timed(frames: Iterable[Any], end: Seconds) -> Iterator[Any]:
    """The same frames, each with its duration: until the next one, the last one until `end`."""
    last = None
    for frame in frames:
        if last is not None:
            last.duration = max(frame.pts - last.pts, 1)
            yield last
        last = frame
    if last is not None:
        last.duration = max(round(end * TICKS) - last.pts, 1)
        yield last


class _Track:
    """The sound, written in pieces between the pictures."""

    def __init__(self, container: Any, sound: Sound, end: Seconds) -> None:
        self.container, self.form, self.samples = container, sound.form, sound.samples
        self.total = round(end * sound.form.rate_hz)
        self.stream = container.add_stream("aac", rate=self.form.rate_hz, layout=self.form.layout)
        self.stream.codec_context.flags |= Flags.bitexact.value
        self.stream.codec_context.bit_rate = BITS_A_CHANNEL * self.form.channels
        self.kept = np.zeros((self.form.channels, 0), np.float32)
        self.written = 0

    def write_until(self, time: Seconds) -> None:
        """Write the sound before a time, as far as there is any, in whole blocks."""
        until = min(round(time * self.form.rate_hz), self.total)
        while self.written + BLOCK <= until and self._fill(BLOCK):
            self._put(BLOCK)

    def close(self) -> None:
        """Write the rest."""
        self.write_until(self.total / self.form.rate_hz)
        left = self.total - self.written
        while left > 0 and self._fill(1):
            self._put(min(left, BLOCK, self.kept.shape[1]))
            left = self.total - self.written
        self.container.mux(self.stream.encode(None))

    def _fill(self, count: int) -> bool:
        """Read until so many samples are there -> whether there are."""
        pieces, length = [self.kept], self.kept.shape[1]
        while length < count:
            piece = next(self.samples, None)
            if piece is None:
                break
            pieces.append(piece)
            length += piece.shape[1]
        self.kept = np.concatenate(pieces, axis=1)
        return length >= count

    def _put(self, count: int) -> None:
        block = np.ascontiguousarray(self.kept[:, :count])
        self.kept = self.kept[:, count:]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=self.form.layout)
        frame.sample_rate, frame.time_base = self.form.rate_hz, Fraction(1, self.form.rate_hz)
        frame.pts = self.written
        self.container.mux(self.stream.encode(frame))
        self.written += count

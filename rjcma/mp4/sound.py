"""A video's sound, to be written beside its pictures, in step with them.

Sample 0 is at the time of the first picture that is written: earlier sound is cut, and if the sound
starts later, silence comes first. Gaps between the sound's time stamps are filled with silence,
overlaps are cut. Packets that cannot be decoded are silence too: a stage says so before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from rjcma.decoding import packets, video_streams
from rjcma.timeline import Seconds

Samples = NDArray[np.float32]
"""(channels, n), from -1 to 1."""

TOLERANCE: Seconds = 0.05
"""A time stamp this close to the end of the samples before it is taken as rounded, and ignored
(ours; the same as in `rjcma.audio.extract`)."""

RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
"""The sample rates of AAC that players know."""

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
"""The layout that is written, by the number of channels; any other number becomes stereo."""


class Form(NamedTuple):
    """How a sound is written."""

    rate_hz: int
    layout: str

    @property
    def channels(self) -> int:
        return av.AudioLayout(self.layout).nb_channels


def form(video: Path) -> Form | None:
    """The form in which the sound of a video is written; None if it has no sound.

    It is the sound's own, if AAC has it; else the next higher rate, or stereo.
    """
    with av.open(str(video), metadata_errors="replace") as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, AudioStream) or stream.codec_context is None:
            return None
        context = stream.codec_context
        if not context.sample_rate:  # a codec that FFmpeg does not know
            return None
        rates = [rate for rate in RATES if rate >= context.sample_rate]
        return Form(rates[-1] if rates else RATES[0], LAYOUTS.get(context.channels, "stereo"))


def start_of(video: Path) -> Seconds:
    """The time of a video's first frame that can be decoded, in the container's time.

    A frame without a time stamp (AVI files have such frames) is placed one frame's duration before
    the next one.
    """
    with av.open(str(video), metadata_errors="replace") as container:
        stream, before = video_streams(container)[0], 0
        for packet in packets(container, stream):
            for frame in packet.frames:
                if frame.time is not None:
                    return frame.time - before / float(stream.guessed_rate or 1)
                before += 1
    return 0.0


def samples(video: Path, form: Form, start: Seconds) -> Iterator[Samples]:
    """The sound of a video in this form, in pieces; sample 0 is at the container's time `start`."""
    length = 0
    for position, piece in _placed(video, form, start):
        for silence in _silence(position - length, form):
            length += silence.shape[1]
            yield silence
        new = piece[:, max(0, length - position) :]
        length += new.shape[1]
        if new.shape[1]:
            yield new


def _silence(count: int, form: Form) -> Iterator[Samples]:
    """So many samples of silence, in pieces of a second."""
    while count > 0:
        yield np.zeros((form.channels, min(count, form.rate_hz)), np.float32)
        count -= form.rate_hz


def _placed(video: Path, form: Form, start: Seconds) -> Iterator[tuple[int, Samples]]:
    """Pieces of the sound, each with the position of its first sample."""
    stretch: _Stretch | None = None
    for frame in _frames(video):
        expected = 0.0 if stretch is None else stretch.end
        time = expected if frame.time is None else frame.time - start
        if stretch is None or not stretch.fits(frame) or abs(time - expected) > TOLERANCE:
            if stretch is not None:
                yield from stretch.finish()
            stretch = _Stretch(time, frame, form)
        yield from stretch.add(frame)
    if stretch is not None:
        yield from stretch.finish()


class _Stretch:
    """Sound without a gap or a change of form, resampled by one resampler."""

    def __init__(self, begin: Seconds, first: av.AudioFrame, form: Form) -> None:
        self.end, self.kind = begin, _kind(first)
        self.position = round(begin * form.rate_hz)
        self.resampler = av.AudioResampler("fltp", form.layout, form.rate_hz)

    def fits(self, frame: av.AudioFrame) -> bool:
        return _kind(frame) == self.kind

    def add(self, frame: av.AudioFrame) -> Iterator[tuple[int, Samples]]:
        self.end += frame.samples / frame.sample_rate
        frame.pts = None  # what is placed by time here is not placed again by the resampler
        return self._put(frame)

    def finish(self) -> Iterator[tuple[int, Samples]]:
        return self._put(None)

    def _put(self, frame: av.AudioFrame | None) -> Iterator[tuple[int, Samples]]:
        for made in self.resampler.resample(frame):
            if made is not None:
                piece = np.asarray(made.to_ndarray(), np.float32)
                yield self.position, piece
                self.position += piece.shape[1]


def _kind(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _frames(video: Path) -> Iterator[av.AudioFrame]:
    """The frames of the sound; what cannot be decoded is left out."""
    with av.open(str(video), metadata_errors="replace") as container:
        try:
            for packet in container.demux(container.streams.best("audio")):
                with suppress(av.FFmpegError):
                    yield from (f for f in packet.decode() if isinstance(f, av.AudioFrame))
        except av.FFmpegError:  # an error of the container itself: the rest cannot be read
            return

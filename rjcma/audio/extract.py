"""A video's sound as a WAV file (16 kHz, mono, 16 bits) on the clip's time axis.

Sample 0 is at the time of the video's first frame: earlier sound is cut, and if the sound starts
later, silence comes first. Gaps between the sound's time stamps are filled with silence, overlaps
are cut, so that sound and video do not drift apart over hours. The WAV is at least as long as the
video. Sound after the last frame is kept, because the log-mel windows of the last frames reach
0.96 s further, and words may end there. A video without sound gives silence.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from rjcma.problem import Problem
from rjcma.timeline import Seconds
from rjcma.wav import RATE

TOLERANCE: Seconds = 0.05
"""A time stamp this close to the end of the samples before it is taken as rounded, and ignored; one
further away is a gap or an overlap (ours: above the rounding of containers, below two frames)."""

BEYOND: Seconds = 60.0
"""How long after the video's end sound may still begin; after that, its time stamps are broken
(ours)."""


def extract(video: Path, seconds: Seconds, name: str, path: Path) -> None:
    """Write the sound of `video` to `path`; it lasts at least `seconds`, the video's length.

    `name` is the video's name, for problems. Sound is decoded and written in pieces, so memory does
    not grow with its length. Of several audio streams, the one that FFmpeg would play is used.
    Raises `Problem` for a file that cannot be opened, has no video, or whose sound cannot be
    decoded to its end.
    """
    try:
        with closing(wave.open(str(path), "wb")) as file:
            file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
            wav = _PositionedWav(file)
            _copy(_decoded(video), _first_frame(video), seconds, wav)
            wav.silence(round(seconds * RATE))
    except av.error.FFmpegError as error:
        raise _problem(name, video, f"a file that cannot be opened ({error.strerror})") from None
    except _Unusable as error:
        raise _problem(name, video, str(error)) from None


class _Unusable(Exception):
    """A fault of a video, or its sound, that FFmpeg itself does not report as an error."""


def _first_frame(video: Path) -> Seconds:
    """The time of the first frame that can be decoded, in the container's time.

    Damaged packets are skipped; the audit of the corpus counts them. A frame without a time stamp
    (AVI files have such frames) is placed one frame's duration before the next one.
    """
    with av.open(video, metadata_errors="replace") as container:
        streams = [
            s for s in container.streams.video if not s.disposition & Disposition.attached_pic
        ]
        if not streams:
            raise _Unusable("no video stream")
        frames = 0
        for packet in container.demux(streams[0]):
            for frame in _frames_of(packet):
                if frame.time is not None:
                    return frame.time - frames / float(streams[0].guessed_rate or 1)
                frames += 1
        if not frames:
            raise _Unusable("a video stream without a frame")
        return 0.0


def _frames_of(packet: av.Packet[VideoStream]) -> Sequence[av.VideoFrame]:
    """The frames that a packet completes; none if it is damaged."""
    try:
        return packet.decode()
    except av.error.FFmpegError:
        return []


def _decoded(video: Path) -> Iterator[av.AudioFrame]:
    """The audio frames of a video; none if it has no sound."""
    with av.open(video, metadata_errors="replace") as container:
        if container.streams.audio:
            yield from _frames(container)


def _frames(container: InputContainer) -> Iterator[av.AudioFrame]:
    reached = 0.0
    try:
        for packet in container.demux(container.streams.best("audio")):
            if packet.is_corrupt:
                raise _Unusable(f"sound that breaks off at {reached:.2f} s (a cut packet)")
            for frame in packet.decode():
                if isinstance(frame, av.AudioFrame):
                    reached = frame.time or reached
                    yield frame
    except av.error.FFmpegError as error:
        found = f"sound that breaks off at {reached:.2f} s ({error.strerror})"
        raise _Unusable(found) from None


def _copy(
    frames: Iterator[av.AudioFrame], start: Seconds, seconds: Seconds, wav: _PositionedWav
) -> None:
    """Write all frames; each stretch without a gap is placed by its time after `start`."""
    stretch: _Stretch | None = None
    for frame in frames:
        expected = stretch.end if stretch else 0.0
        time = expected if frame.time is None else frame.time - start
        if stretch is None or abs(time - expected) > TOLERANCE or not stretch.fits(frame):
            if time > seconds + BEYOND:
                raise _Unusable(f"sound at {time:.1f} s, after the video's end at {seconds:.1f} s")
            if stretch is not None:
                stretch.finish()
            stretch = _Stretch(time, frame, wav)
        stretch.add(frame)
    if stretch is not None:
        stretch.finish()


class _Stretch:
    """Sound without a gap or a change of format, resampled by one resampler."""

    def __init__(self, begin: Seconds, first: av.AudioFrame, wav: _PositionedWav) -> None:
        self.begin, self.samples, self.first = begin, 0, first
        self.wav, self.position = wav, round(begin * RATE)
        self.resampler = av.AudioResampler("s16", "mono", RATE)

    @property
    def end(self) -> Seconds:
        return self.begin + self.samples / self.first.sample_rate

    def fits(self, frame: av.AudioFrame) -> bool:
        """Whether the frame has the format of the first one."""
        return _format(frame) == _format(self.first)

    def add(self, frame: av.AudioFrame) -> None:
        self.samples += frame.samples
        self._put(self.resampler.resample(frame))

    def finish(self) -> None:
        self._put(self.resampler.resample(None))

    def _put(self, frames: Sequence[av.AudioFrame | None]) -> None:
        for frame in frames:
            if frame is not None:  # A resampler with nothing to do returns the final None as it is.
                samples = np.asarray(frame.to_ndarray(), np.int16).reshape(-1)
                self.wav.put(self.position, samples)
                self.position += len(samples)


def _format(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


class _PositionedWav:
    """A WAV written by position: skipped positions become silence, written samples stay."""

    def __init__(self, file: wave.Wave_write) -> None:
        self.file, self.length = file, 0

    def put(self, position: int, samples: NDArray[np.int16]) -> None:
        """Write samples at a position; those before the present end, or before 0, are cut."""
        self.silence(position)
        new = samples[max(0, self.length - position) :]
        self.file.writeframesraw(new.astype("<i2", copy=False).tobytes())
        self.length += len(new)

    def silence(self, until: int) -> None:
        """Write silence up to position `until`, if the end is before it."""
        while self.length < until:
            count = min(RATE, until - self.length)
            self.file.writeframesraw(bytes(2 * count))
            self.length += count


def _problem(name: str, video: Path, found: str) -> Problem:
    return Problem(
        clip=name,
        file=video,
        found=found,
        expected="a video whose sound can be decoded to its end",
        cure="restore the file, or encode its sound again (ffmpeg -i OLD -c:v copy -c:a aac NEW), "
        "or name its clips in corpus.exclude to go on without them",
    )

"""A video's sound as a WAV of 16 kHz, mono, 16 bits, on the clip's axis of time.

Sample 0 is the presentation of the video's first frame. Sound from before it is cut, sound that
begins later follows silence, and gaps between the sound's own time stamps are filled with silence
(an overlap is cut), so that nothing drifts over hours. The WAV lasts at least as long as the video;
what sounds beyond its last frame is kept, because the log-mel windows of the last frames reach
0.96 s further and words end there. A video without sound is silence.
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
"""How far a time stamp may be from where the samples before it end, before the time stamp is
believed (ours: more than containers' rounding, less than two video frames)."""

BEYOND: Seconds = 60.0
"""How long after the video's end sound may still begin; later means broken time stamps (ours)."""


def extract(video: Path, seconds: Seconds, name: str, path: Path) -> None:
    """Write the sound of `video` to `path`, of at least `seconds`, the video's length.

    `name` is the video's, for problems. Decoded and written in pieces: memory does not grow with
    the length. Of several audio streams the one is taken that FFmpeg would play.
    Raises `Problem` for a file that cannot be opened, has no video, or whose sound cannot be
    decoded to its end.
    """
    try:
        with closing(wave.open(str(path), "wb")) as file:
            file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
            tape = _Tape(file)
            _copy(_decoded(video), _first_frame(video), seconds, tape)
            tape.silence(round(seconds * RATE))
    except av.error.FFmpegError as error:
        raise _problem(name, video, f"what cannot be opened ({error.strerror})") from None
    except _Unusable as error:
        raise _problem(name, video, str(error)) from None


class _Unusable(Exception):
    """What is wrong with a video, or its sound, that FFmpeg itself does not refuse."""


def _first_frame(video: Path) -> Seconds:
    """When the first frame that the video decodes to is presented, in the container's time.

    Damaged packets are passed over: the audit of the corpus counts them. A frame without a time
    stamp, as AVI has such, is taken to be a frame's duration before the next.
    """
    with av.open(video, metadata_errors="replace") as container:
        moving = [
            s for s in container.streams.video if not s.disposition & Disposition.attached_pic
        ]
        if not moving:
            raise _Unusable("no video stream")
        frames = 0
        for packet in container.demux(moving[0]):
            for frame in _whole(packet):
                if frame.time is not None:
                    return frame.time - frames / float(moving[0].guessed_rate or 1)
                frames += 1
        if not frames:
            raise _Unusable("a video stream without a frame")
        return 0.0


def _whole(packet: av.Packet[VideoStream]) -> Sequence[av.VideoFrame]:
    """The frames that a packet completes, none where it is damaged."""
    try:
        return packet.decode()
    except av.error.FFmpegError:
        return []


def _decoded(video: Path) -> Iterator[av.AudioFrame]:
    """The frames of the sound, none where there is none."""
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


def _copy(frames: Iterator[av.AudioFrame], start: Seconds, seconds: Seconds, tape: _Tape) -> None:
    """Put all frames on the tape, each stretch without a gap at its time after `start`."""
    stretch: _Stretch | None = None
    for frame in frames:
        expected = stretch.end if stretch else 0.0
        time = expected if frame.time is None else frame.time - start
        if stretch is None or abs(time - expected) > TOLERANCE or not stretch.fits(frame):
            if time > seconds + BEYOND:
                raise _Unusable(f"sound at {time:.1f} s, after the video's end at {seconds:.1f} s")
            if stretch is not None:
                stretch.finish()
            stretch = _Stretch(time, frame, tape)
        stretch.add(frame)
    if stretch is not None:
        stretch.finish()


class _Stretch:
    """Sound without a gap or a change of format, resampled as one."""

    def __init__(self, begin: Seconds, first: av.AudioFrame, tape: _Tape) -> None:
        self.begin, self.taken, self.first = begin, 0, first
        self.tape, self.at = tape, round(begin * RATE)
        self.resampler = av.AudioResampler("s16", "mono", RATE)

    @property
    def end(self) -> Seconds:
        return self.begin + self.taken / self.first.sample_rate

    def fits(self, frame: av.AudioFrame) -> bool:
        """Whether the frame is of the same format as the first."""
        return _format(frame) == _format(self.first)

    def add(self, frame: av.AudioFrame) -> None:
        self.taken += frame.samples
        self._put(self.resampler.resample(frame))

    def finish(self) -> None:
        self._put(self.resampler.resample(None))

    def _put(self, frames: Sequence[av.AudioFrame | None]) -> None:
        for frame in frames:
            if frame is not None:  # A resampler with nothing to do hands the closing None through.
                samples = np.asarray(frame.to_ndarray(), np.int16).reshape(-1)
                self.tape.put(self.at, samples)
                self.at += len(samples)


def _format(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


class _Tape:
    """A WAV that is written by position: what is left out is silence, what is there stays."""

    def __init__(self, file: wave.Wave_write) -> None:
        self.file, self.length = file, 0

    def put(self, at: int, samples: NDArray[np.int16]) -> None:
        """Samples from position `at`; what lies before the tape's end, or its beginning, is cut."""
        self.silence(at)
        new = samples[max(0, self.length - at) :]
        self.file.writeframesraw(new.astype("<i2", copy=False).tobytes())
        self.length += len(new)

    def silence(self, until: int) -> None:
        """Silence up to position `until`, if the tape is not there yet."""
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
        cure="restore the file, or encode its sound anew (ffmpeg -i OLD -c:v copy -c:a aac NEW), "
        "or name its clips in corpus.exclude to go on without them",
    )

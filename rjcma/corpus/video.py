"""Find a video's properties by decoding it: containers misreport counts, rates and lengths."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from rjcma.corpus.probe import Probe
from rjcma.corpus.settings import EXCLUDE
from rjcma.decoding import packets, video_streams
from rjcma.jobs.digests import digest_file
from rjcma.problem import Problem

REGULAR_WITHIN = 0.0015
"""Seconds by which regular frame times may differ from k / fps (ours): WebM, Matroska and FLV round
times to 1 ms, so that the difference of two is up to 1 ms off; a log-mel row lasts 10 ms."""

LAST_PACKETS = 10  # a damaged packet among a file's last ones means that the file is cut off (ours)


@dataclass
class _Decoded:
    """What the decoder has given so far."""

    times: list[int | None] = field(default_factory=list)
    damaged: int = 0
    last: deque[bool] = field(default_factory=lambda: deque(maxlen=LAST_PACKETS))
    """For each of the last packets, whether it is damaged."""


def probe(path: Path) -> Probe:
    """Decode a video once. Raises `Problem` if it cannot be opened or has no frame to decode."""
    try:
        digest = digest_file(path)
        with av.open(str(path), metadata_errors="replace") as container:  # titles in Latin-1
            return _probe(container, path, digest)
    except (av.FFmpegError, OSError) as error:
        empty = path.is_file() and not path.stat().st_size
        reason = error.strerror or error
        found = "zero bytes" if empty else f"a file that cannot be opened ({reason})"
        raise _problem(path, found, "a complete video in a format that FFmpeg knows") from None


def _probe(container: InputContainer, path: Path, digest: str) -> Probe:
    streams = video_streams(container)
    if not streams:
        types = ", ".join(sorted(stream.type for stream in container.streams)) or "none"
        raise _problem(path, f"no video stream (streams: {types})", "a video stream")
    stream = streams[0]
    if stream.codec_context is None:
        raise _problem(path, "a video stream that FFmpeg cannot decode", "a codec that it knows")
    decoded = _decode(container, stream)
    if not decoded.times:
        raise _problem(path, "no frame that can be decoded", "a video")
    rates = [r for r in (stream.average_rate, stream.guessed_rate, stream.base_rate) if r]
    seconds, falling = presentation_times(decoded.times, stream.time_base or Fraction(1))
    fps, times = timing(seconds, rates)
    if not fps:
        raise _problem(path, "frames without times or a rate", "a video of known frame rate")
    return Probe(
        digest=digest,
        decoded=len(decoded.times),
        fps=fps,
        times=times,
        falling=falling,
        sound=bool(container.streams.audio),
        damaged=decoded.damaged,
        cut=any(decoded.last) or _listed_end(stream) > path.stat().st_size,
        declared=_declared(stream, container),
    )


def timing(
    seconds: NDArray[np.float64] | None, rates: Sequence[Fraction]
) -> tuple[float, tuple[float, ...] | None]:
    """Frames per second, and the frames' times; None for the times if frame k is at k / fps.

    `seconds` (n,) are the presentation times, counted from the first frame; None if they cannot be
    used. `rates` are those that the container declares: the first that agrees with the times is
    taken. Gives 0.0 frames per second if the rate is unknown.

    >>> timing(np.array([0.0, 0.033, 0.067, 0.1]), [Fraction(25), Fraction(30)])
    (30.0, None)
    >>> timing(np.array([0.0, 0.1, 0.4]), [Fraction(10)])
    (5.0, (0.0, 0.1, 0.4))
    """
    if seconds is None or seconds[-1] <= 0:
        return (float(rates[0]) if rates else 0.0), None
    average = (len(seconds) - 1) / float(seconds[-1])
    for fps in [*map(float, rates), average]:
        if np.abs(seconds - np.arange(len(seconds)) / fps).max() <= REGULAR_WITHIN:
            return fps, None
    return average, tuple(np.round(seconds, 6).tolist())


def _decode(container: InputContainer, stream: VideoStream) -> _Decoded:
    """Decode every frame; -> time stamps and damage."""
    decoded = _Decoded()
    for packet in packets(container, stream):
        decoded.times += [frame.pts for frame in packet.frames]
        decoded.damaged += packet.damaged
        decoded.last.append(packet.corrupt)
    return decoded


def presentation_times(
    stamps: Sequence[int | None], base: Fraction
) -> tuple[NDArray[np.float64] | None, bool]:
    """Each frame's time in seconds, counted from the first, and whether times go backwards.

    Frames without a time stamp (AVI has such) are placed evenly between their neighbours. The times
    are None if fewer than two frames have a time stamp, or if the time stamps go backwards.
    """
    known = np.array([k for k, stamp in enumerate(stamps) if stamp is not None])
    if len(known) < 2:
        return None, False
    values = np.array([stamp for stamp in stamps if stamp is not None], np.float64)
    if (np.diff(values) < 0).any():
        return None, True
    frames = np.arange(len(stamps))
    step = (values[-1] - values[0]) / (known[-1] - known[0])
    before, after = np.minimum(frames - known[0], 0), np.maximum(frames - known[-1], 0)
    ticks = np.interp(frames, known, values) + step * (before + after)
    return (ticks - ticks[0]) * float(base), False


def _listed_end(stream: VideoStream) -> int:
    """The end, in bytes, of the last packet in the container's index."""
    return max((entry.pos + entry.size for entry in stream.index_entries), default=0)


def _declared(stream: VideoStream, container: InputContainer) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _problem(path: Path, found: str, expected: str) -> Problem:
    cure = f"restore the video or convert it again, {EXCLUDE}"
    return Problem(file=path, found=found, expected=expected, cure=cure)

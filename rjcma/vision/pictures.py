"""The pictures of a video as a viewer sees them: upright, of square pixels, not interlaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from rjcma.decoding import packets, video_streams
from rjcma.problem import Problem

Pixels = NDArray[np.uint8]
"""(height, width, 3), RGB."""

WIDEST = 4  # a pixel whose declared shape is more than 4:1 is taken to be square (ours)


class Picture(NamedTuple):
    """One frame; its pixels are converted when they are asked for."""

    frame: VideoFrame
    aspect: Fraction
    """The width of a pixel, in its heights."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as seen."""
        width, height = self._stored
        return (height, width) if self._quarters % 2 else (width, height)

    def pixels(self, longest: int | None = None) -> Pixels:
        """The picture, at most `longest` pixels on its longer side."""
        width, height = self._stored
        scale = min(1.0, (longest or width + height) / max(width, height))
        converted = self.frame.reformat(
            max(round(width * scale), 1),
            max(round(height * scale), 1),
            "rgb24",
            interpolation="AREA",
            threads=1,
        )
        return np.ascontiguousarray(np.rot90(converted.to_ndarray(), self._quarters), np.uint8)

    @property
    def _stored(self) -> tuple[int, int]:
        """Width and height, in square pixels, before the picture is turned."""
        return max(round(self.frame.width * self.aspect), 1), self.frame.height

    @property
    def _quarters(self) -> int:
        """How many times it is to be turned to the left by a quarter."""
        return round(self.frame.rotation / 90) % 4


def pictures(path: Path, clip: str, first: int, count: int) -> Iterator[Picture]:
    """The pictures of `count` frames from frame `first` on; fewer if the video ends before.

    Frames are counted as the index counts them. Raises `Problem` if there is none.
    """
    number = -1
    with _opened(path, clip) as (container, stream):
        decoded = (frame for packet in packets(container, stream) for frame in packet.frames)
        for number, frame in enumerate(islice(_progressive(decoded), first + count)):
            if number >= first:
                yield Picture(frame, _aspect(stream))
    if number < first:
        found = f"{number + 1} frames" if number >= 0 else "no frame that can be decoded"
        raise _problem(path, clip, found, f"a video with a frame {first + 1}")


def rate(path: Path) -> float:
    """The frames per second that a video declares, or 25."""
    with _opened(path, path.stem) as (_, stream):
        return float(stream.average_rate or stream.guessed_rate or 25)


@contextmanager
def _opened(path: Path, clip: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A video's container and its stream of frames; raises `Problem` for anything else."""
    found = "no video stream that FFmpeg can decode"
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            streams = video_streams(container)
            if streams and streams[0].codec_context is not None:
                yield container, streams[0]
                return
    except (av.FFmpegError, OSError) as error:
        found = f"a file that cannot be opened ({error.strerror or error})"
    raise _problem(path, clip, found, "a complete video in a format that FFmpeg knows")


def _problem(path: Path, clip: str, found: str, expected: str) -> Problem:
    cure = "restore the video or convert it again"
    return Problem(clip=clip, file=path, found=found, expected=expected, cure=cure)


def _aspect(stream: VideoStream) -> Fraction:
    declared = Fraction(stream.sample_aspect_ratio or 1)
    return declared if 1 / Fraction(WIDEST) <= declared <= WIDEST else Fraction(1)


def _progressive(frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
    """The same frames; from the first interlaced one on, such are made of both their fields."""
    graph, form = None, None
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        if graph is None or form != (frame.width, frame.height, frame.format.name):
            if graph is not None:
                yield from _filtered(graph, None)
            graph, form = _deinterlacer(frame), (frame.width, frame.height, frame.format.name)
        yield from _filtered(graph, frame)
    if graph is not None:
        yield from _filtered(graph, None)


def _deinterlacer(frame: VideoFrame) -> Graph:
    """A filter that gives a frame for each frame, and leaves progressive ones as they are."""
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 1000),
    )
    graph.link_nodes(
        source,
        graph.add("bwdif", "mode=send_frame:deint=interlaced"),
        graph.add("buffersink"),
    ).configure()
    return graph


def _filtered(graph: Graph, frame: VideoFrame | None) -> Iterator[VideoFrame]:
    graph.push(frame)
    while True:
        try:
            yield graph.pull()  # type: ignore[misc]
        except (av.BlockingIOError, av.EOFError):
            return

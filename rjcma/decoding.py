"""Decode the frames of a video: each stage that reads videos counts the same frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


class Decoded(NamedTuple):
    """What a packet gave."""

    frames: list[VideoFrame]
    corrupt: bool
    """Whether the packet is incomplete in the file."""
    damaged: bool
    """Whether it is incomplete or could not be decoded."""


def video_streams(container: InputContainer) -> list[VideoStream]:
    """A container's video streams, of which the first is used; a cover picture is none."""
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Decoded]:
    """Decode every frame, packet by packet. A damaged packet does not stop it.

    The decoder uses one thread, since many videos are decoded in parallel.
    """
    stream.codec_context.thread_count = 1
    try:
        for packet in container.demux(stream):
            corrupt = packet.is_corrupt
            try:
                yield Decoded(packet.decode(), corrupt, corrupt)
            except av.FFmpegError:
                yield Decoded([], corrupt, True)
    except av.FFmpegError:  # an error of the container itself: the rest cannot be read
        yield Decoded([], True, True)

"""Find a video's properties as stage `index` does (`rjcma.corpus.video`), and write them down.

Here pictures are refused too, which are no videos, and videos whose pictures change their size,
for one box would then be in two scales.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from rjcma.corpus.probe import Probe
from rjcma.corpus.video import LAST_PACKETS, presentation_times, timing
from rjcma.decoding import packets, video_streams
from rjcma.jobs.progress import watched
from rjcma.problem import Problem

PICTURES = ("image2", "_pipe")
"""The ends of the names that FFmpeg gives to the forms of single pictures."""

CURE = "give another file, or convert this one again"


def write(video: Path, digest: str, path: Path) -> None:
    """Write a video's properties (`rjcma.corpus.probe.Probe`) as JSON; its content's is `digest`.

    Raises `Problem` for a file that is no video, that cannot be decoded, or whose pictures have
    several sizes.
    """
    try:
        with av.open(str(video), metadata_errors="replace") as container:
            found = _probe(container, video, digest)
    except (av.FFmpegError, OSError) as error:
        empty = not video.stat().st_size
        reason = error.strerror or error
        found_instead = "zero bytes" if empty else f"a file that cannot be opened ({reason})"
        expected = "a complete video in a format that FFmpeg knows"
        raise _problem(video, found_instead, expected) from None
    path.write_text(found.model_dump_json() + "\n")


def _probe(container: InputContainer, path: Path, digest: str) -> Probe:
    streams = video_streams(container)
    if not streams:
        kinds = {"video": "cover picture"}  # or it would be a video stream
        types = sorted(kinds.get(stream.type, stream.type) for stream in container.streams)
        found = f"no video stream (streams: {', '.join(types) or 'none'})"
        raise _problem(path, found, "a video stream")
    if any(name.endswith(PICTURES) for name in container.format.name.split(",")):
        raise _problem(path, f"a picture ({container.format.long_name})", "a video")
    stream = streams[0]
    if stream.codec_context is None:
        raise _problem(path, "a video stream that FFmpeg cannot decode", "a codec that it knows")
    declared = _declared(container, stream)
    stamps, damaged, cut = _decoded(container, stream, path, declared)
    if not stamps:
        raise _problem(path, "no frame that can be decoded", "a video")
    rates = [r for r in (stream.average_rate, stream.guessed_rate, stream.base_rate) if r]
    seconds, falling = presentation_times(stamps, stream.time_base or Fraction(1))
    fps, times = timing(seconds, rates)
    if not fps:
        raise _problem(path, "frames without times or a rate", "a video of known frame rate")
    return Probe(
        digest=digest,
        decoded=len(stamps),
        fps=fps,
        times=times,
        falling=falling,
        sound=bool(container.streams.audio),
        damaged=damaged,
        cut=cut,
        declared=declared,
    )


def _decoded(
    container: InputContainer, stream: VideoStream, path: Path, declared: float | None
) -> tuple[list[int | None], int, bool]:
    """Decode every frame; -> time stamps, the number of damaged packets, and if the last ones are.

    Raises `Problem` for pictures of another size than the first.
    """
    stamps: list[int | None] = []
    sizes: dict[tuple[int, int], int] = {}
    damaged, last = 0, deque[bool](maxlen=LAST_PACKETS)
    rate = stream.average_rate or stream.guessed_rate or 25
    about = stream.frames or round((declared or 0) * rate)
    for packet in watched(f"{path.name}: reading", about, "frame", packets(container, stream)):
        for frame in packet.frames:
            stamps.append(frame.pts)
            sizes.setdefault((frame.width, frame.height), len(stamps) - 1)
        damaged += packet.damaged
        last.append(packet.corrupt)
        if len(sizes) > 1:
            (width, height), (other, tall) = list(sizes)[:2]
            raise Problem(
                clip=path.stem,
                file=path,
                found=f"pictures of {width} x {height}, and from frame {len(stamps) - 1} on of"
                f" {other} x {tall}",
                expected="pictures of one size",
                cure=f"convert it (ffmpeg -i OLD -vf scale={width}:{height} NEW.mp4)",
            )
    return stamps, damaged, any(last)


def _declared(container: InputContainer, stream: VideoStream) -> float | None:
    """The seconds that the container declares."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _problem(path: Path, found: str, expected: str) -> Problem:
    return Problem(clip=path.stem, file=path, found=found, expected=expected, cure=CURE)

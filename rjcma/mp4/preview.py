"""A preview: a small film of a whole video, that every browser plays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import av
import numpy as np

from rjcma.decoding import video_streams
from rjcma.jobs.progress import Progress
from rjcma.manifest import Clip
from rjcma.mp4 import film, sound
from rjcma.mp4.film import Quality
from rjcma.mp4.fit import Size, even, put
from rjcma.timeline import Seconds, frame_times
from rjcma.vision.pictures import Picture, Pixels, pictures

HIGHEST = 480
"""Pixels (ours)."""

QUALITY = Quality("veryfast", 25)

CONTAINERS = {"mp4": ("h264", "av1", "vp9"), "webm": ("vp8", "vp9", "av1")}
SOUNDS = ("aac", "mp3", "opus", "vorbis", "flac")
"""What all current browsers play, as FFmpeg names it: containers with their codecs, and sounds."""

PIXELS = ("yuv420p", "yuvj420p")

ZERO: Seconds = 0.02
"""The latest time of a first frame that is taken as 0 (ours: less than a frame)."""


def make(video: Path, clip: Clip, path: Path) -> None:
    """Write a preview of the video of a clip, at most `HIGHEST` pixels high, with its sound.

    Time 0 is the video's first frame, and frame k is at the k-th of its times, as everywhere.
    Raises `Problem` for a video that cannot be read, and for a path that cannot be written.
    """
    shown = pictures(video, clip.video, 0, clip.decoded)
    first = next(shown)
    size = reduced(first.size)
    times = frame_times(clip.decoded + 1, clip.fps, clip.times)
    form = sound.form(video)
    track = None
    if form is not None:
        track = film.Sound(form, sound.samples(video, form, sound.start_of(video)))
    what = f"preview of {clip.video}"
    with Progress(what, clip.decoded, "frame", last_line=False) as progress:
        drawn = _drawn(chain([first], shown), times.tolist(), size, progress)
        film.write(path, drawn, even(size), track, end=float(times[-1]), quality=QUALITY)


def reduced(size: Size) -> Size:
    """The size of a preview of pictures of this size.

    >>> reduced((1280, 720)), reduced((360, 288))
    ((853, 480), (360, 288))
    """
    scale = min(1.0, HIGHEST / size[1])
    return max(1, round(scale * size[0])), max(1, round(scale * size[1]))


def _drawn(
    shown: Iterator[Picture], times: list[Seconds], size: Size, progress: Progress
) -> Iterator[tuple[Seconds, Pixels]]:
    """Each frame of the preview and its time; all are drawn into the same array."""
    width, height = even(size)
    image = np.zeros((height, width, 3), np.uint8)
    for time, picture in zip(times, shown):
        put(picture, image, size)
        yield time, image
        progress.step()


def is_needed(video: Path) -> bool:
    """Whether a page needs a preview: no browser plays the video, or not from its first frame on.

    Only the container's head is read. A file that cannot be opened needs one, which then fails.
    """
    try:
        with av.open(str(video), metadata_errors="replace") as container:
            names = container.format.name.split(",")
            kind = "mp4" if "mp4" in names else "webm" if video.suffix == ".webm" else ""
            streams = video_streams(container)
            if not streams or streams[0].codec_context is None:
                return True
            stream = streams[0]
            sounds = [stream.codec_context for stream in container.streams.audio]
            begins = float((stream.start_time or 0) * (stream.time_base or 0))
            return not (
                stream.codec_context.name in CONTAINERS.get(kind, ())
                and stream.codec_context.pix_fmt in PIXELS
                and all(sound is not None and sound.name in SOUNDS for sound in sounds)
                and abs(begins) <= ZERO
            )
    except (av.FFmpegError, OSError):
        return True

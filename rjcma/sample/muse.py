"""The sample in MuSe's form: gold standards at 2 Hz, over stretches of longer videos.

    clips.csv                                  the list of the clips, with start and end in seconds
    labels/<dimension>/<clip>.csv              timestamp,value: milliseconds of the video

There are no face crops. Before its clip, a video shows the people sitting still, and after it the
empty room, both without sound. A row is missing where the annotators gave no value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.sample import clip_list
from rjcma.sample.canvas import Canvas, Image
from rjcma.sample.cast import Video
from rjcma.sample.scene import Scene, dice_of
from rjcma.sample.state import Floats
from rjcma.sample.voice import SAMPLE_RATE_HZ

STEP_MS = 500
BEFORE, AFTER = (0.12, 0.35), (0.08, 0.2)
"""The least and the most that a video is longer than its clip, as shares of the clip's length."""


class Around(NamedTuple):
    """The numbers of frames that a video has before and after its clip."""

    before: int
    after: int


def around(video: Video, seed: int) -> Around:
    """What a video has before and after its clip."""
    rng = dice_of(video, seed).around
    return Around(*(round(video.frames * rng.uniform(*share)) for share in (BEFORE, AFTER)))


def stretch(video: Video, seed: int) -> tuple[Fraction, Fraction]:
    """Start and end of a video's clip: the times of its first frame, and of the next one after."""
    before = around(video, seed).before
    return before / video.fps, (before + video.frames) / video.fps


def begin(videos: Sequence[Video], seed: int, root: Path) -> None:
    """Write the list, and make the folders."""

    def columns(video: Video) -> dict[str, str]:
        milliseconds = (math.floor(time * 1000) for time in stretch(video, seed))
        return dict(zip(("start", "end"), (f"{ms / 1000:.3f}" for ms in milliseconds)))

    clip_list.write(root, videos, "labels/{target}/{clip}.csv", columns)
    for dimension in ("arousal", "valence"):
        (root / "labels" / dimension).mkdir(parents=True)


def annotate(scene: Scene, seed: int, root: Path) -> None:
    """Write the gold standards of a video that is not for testing."""
    video = scene.video
    if video.partition == "test":
        return
    start, end = stretch(video, seed)
    first, last = math.floor(start * 1000 / STEP_MS), math.ceil(end * 1000 / STEP_MS)
    stamps = np.arange(first, last + 1) * STEP_MS
    times = stamps / 1000 - float(start)
    kept = ~video.is_unlabelled(times)
    for clip, state in zip(video.clips, scene.states):
        for dimension, track in state._asdict().items():
            rows = [f"{ms},{value:.4f}" for ms, value in zip(stamps[kept], track(times[kept]))]
            text = "\n".join(["timestamp,value", *rows]) + "\n"
            (root / "labels" / dimension / f"{clip}.csv").write_text(text)


def lengthened(
    scene: Scene, seed: int, frames: Iterator[Image]
) -> tuple[Iterator[Image], Floats, NDArray[np.float32]]:
    """The frames, times and sound of the video that the scene is a part of."""
    before, after = around(scene.video, seed)
    start, end = map(float, stretch(scene.video, seed))
    first = next(frames)
    empty = Canvas(scene.room).picture()
    pictures = chain(repeat(first, before + 1), frames, repeat(empty, after))
    fps = float(scene.video.fps)
    times = np.concatenate(
        [np.arange(before) / fps, start + scene.times, end + np.arange(after) / fps]
    )
    quiet = [np.zeros(round(n / fps * SAMPLE_RATE_HZ), np.float32) for n in (before, after)]
    return pictures, times, np.concatenate([quiet[0], scene.sound.audio, quiet[1]])

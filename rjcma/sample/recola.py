"""The sample in RECOLA's form: six raters' traces at 25 Hz, a file per clip and dimension.

    clips.csv                                  the list of the clips
    ratings/<dimension>/<clip>.csv             time;FM1 ;FM2 ;...: seconds, and a column per rater

There are no face crops. Raters differ, but their mean is the truth: each adds to it a bias, a gain
and a smooth error of their own, and these sum to 0 over the raters. A cell is empty where the
annotators gave no value (RECOLA itself has no such stretches).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator

from rjcma.sample import clip_list
from rjcma.sample.cast import Video
from rjcma.sample.scene import Scene, dice_of
from rjcma.sample.state import Floats, smooth

RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")
RATE_HZ = 25
BIAS, GAIN, NOISE = 0.12, 0.12, 0.12  # standard deviations of a rater's errors
LARGEST = 0.5  # of all errors: with it, every rating is in [-1, 1]


def begin(videos: Sequence[Video], seed: int, root: Path) -> None:
    """Write the list, and make the folders."""
    clip_list.write(root, videos, "ratings/{target}/{clip}.csv")
    for dimension in ("arousal", "valence"):
        (root / "ratings" / dimension).mkdir(parents=True)


def annotate(scene: Scene, seed: int, root: Path) -> None:
    """Write the ratings of a video that is not for testing."""
    video, rng = scene.video, dice_of(scene.video, seed).raters
    if video.partition == "test":
        return
    end = scene.times[-1] + video.extra_rows / float(video.fps)
    times = np.arange(np.ceil(round(end * RATE_HZ, 6)) + 1) / RATE_HZ
    for clip, state in zip(video.clips, scene.states):
        for dimension, track in state._asdict().items():
            values = ratings(rng, track(times), times)
            values[video.is_unlabelled(times)] = np.nan
            (root / "ratings" / dimension / f"{clip}.csv").write_text(_table(times, values))


def ratings(rng: Generator, truth: Floats, times: Floats) -> Floats:
    """What each rater gives, (N, 6) in [-1, 1], for the truth (N,) at `times`; their mean is it."""
    errors = np.stack(
        [
            rng.normal(0, BIAS) + rng.normal(0, GAIN) * truth + NOISE * smooth(rng)(times)
            for _ in RATERS
        ],
        1,
    )
    errors -= errors.mean(1, keepdims=True)
    errors /= np.maximum(np.abs(errors).max(1, keepdims=True) / LARGEST, 1)
    return truth[:, None] + (1 - truth[:, None] ** 2) * errors


def _table(times: Floats, values: Floats) -> str:
    header = ";".join(["time", *(f"{rater} " for rater in RATERS)])
    rows = [
        ";".join([f"{time:.2f}", *("" if np.isnan(v) else f"{v:.3f}" for v in row)])
        for time, row in zip(times, values)
    ]
    return "\n".join([header, *rows]) + "\n"

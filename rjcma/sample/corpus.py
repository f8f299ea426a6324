"""The sample corpus: videos of drawn people who speak, with annotations in one of several layouts.

    videos/<video>.mp4 | .avi
    SAMPLE.txt, .keys                          written by `rjcma.sample.make`

All other files depend on the layout: see `affwild2`, `recola` and `muse`. The clips are the same in
all of them, with the same names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from rjcma.jobs.progress import Progress
from rjcma.jobs.workers import executor
from rjcma.sample import affwild2, film, muse, recola
from rjcma.sample.canvas import Canvas, Image
from rjcma.sample.cast import VIDEOS, Video, selected_videos
from rjcma.sample.crowd import crowd
from rjcma.sample.portrait import crop, draw_person
from rjcma.sample.scene import Scene, draw_scene
from rjcma.sample.settings import Layout, Sample

JPEG_QUALITY = 90


class Annotations(Protocol):
    """How a layout writes what belongs to the videos; each layout is a module."""

    def begin(self, videos: Sequence[Video], seed: int, root: Path) -> None:
        """Write what all videos share, and make the folders."""

    def annotate(self, scene: Scene, seed: int, root: Path) -> None:
        """Write the annotations of one video."""


LAYOUTS: dict[Layout, Annotations] = {"affwild2": affwild2, "recola": recola, "muse": muse}


def write(settings: Sample, root: Path) -> None:
    """Write the corpus to the folder `root`, which must be empty or missing.

    Raises `Problem` for a name in the settings that no video has.
    """
    videos = planned(settings)
    (root / "videos").mkdir(parents=True)
    LAYOUTS[settings.layout].begin(videos, settings.seed, root)
    _write_videos(videos, settings, root)


def planned(settings: Sample) -> list[Video]:
    """The videos of these settings. Raises `Problem` for a name that no video has."""
    cast = sum(len(video.clips) for video in VIDEOS)
    further = 0 if settings.clips is None else settings.clips - cast
    return selected_videos(settings, [*VIDEOS, *crowd(further, settings.people, settings.seed)])


def _write_videos(videos: list[Video], settings: Sample, root: Path) -> None:
    """Write each video in its own process, the longest first."""
    longest_first = sorted(videos, key=lambda video: -video.seconds * len(video.people))
    with (
        executor("processes", len(videos)) as pool,
        Progress("sample", len(videos), "video") as progress,
    ):
        futures = [pool.submit(write_video, video, settings, root) for video in longest_first]
        for future in as_completed(futures):
            future.result()
            progress.step()


def write_video(video: Video, settings: Sample, root: Path) -> None:
    """Write one video of the corpus, and its annotations."""
    scene = draw_scene(video, settings.seed)
    crops = root / "cropped_aligned" if settings.layout == "affwild2" else None
    frames, times, audio = _frames(scene, crops), scene.times, scene.sound.audio
    if settings.layout == "muse":
        frames, times, audio = muse.lengthened(scene, settings.seed, frames)
    film.write(
        root / "videos" / video.file,
        frames,
        size=video.size,
        fps=video.fps,
        audio=audio,
        times=times.tolist() if video.irregular else None,
    )
    LAYOUTS[settings.layout].annotate(scene, settings.seed, root)


def _frames(scene: Scene, crops: Path | None) -> Iterator[Image]:
    """The frames of a scene; the crop of each visible face is written to `crops`, if given."""
    width, height = scene.video.size
    count = len(scene.looks)
    half_height = 0.295 * height if count == 1 else min(0.27 * height, 0.17 * width)
    folders = [crops / clip for clip in scene.video.clips] if crops else []
    for folder in folders:
        folder.mkdir()
    for k in range(len(scene.times)):
        canvas = Canvas(scene.room)
        places = [
            draw_person(
                canvas, looks, faces[k], (width * (i + 0.5) / count, 0.47 * height), half_height
            )
            for i, (looks, faces) in enumerate(zip(scene.looks, scene.expressions))
        ]
        picture = canvas.picture()
        for folder, faces, place in zip(folders, scene.expressions, places):
            if faces[k].visible:
                face = np.ascontiguousarray(crop(picture, place)[:, :, ::-1])
                quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
                cv2.imwrite(str(folder / f"{k + 1:05d}.jpg"), face, quality)
        yield picture

"""The sample corpus: videos of drawn people who speak, in the layout of Aff-Wild2.

    videos/<video>.mp4 | .avi
    cropped_aligned/<clip>/00001.jpg ...       112 x 112, numbered by frame from 1; none if no face
    annotations/VA/train/<clip>.txt            header, then one row per frame; -5: unlabelled
    annotations/VA/validation/<clip>.txt
    test.txt                                   names of the clips without annotation
    SAMPLE.txt, .keys                          written by `rjcma.sample.make`

Everything follows from the seed: a video's random numbers depend on the seed and on its name only.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from rjcma.jobs.progress import Progress
from rjcma.jobs.workers import executor
from rjcma.sample import film
from rjcma.sample.acting import expressions_at
from rjcma.sample.canvas import Canvas, Image
from rjcma.sample.cast import Partition, Person, Stretch, Video, selected_videos
from rjcma.sample.looks import Expression, Looks, draw_looks
from rjcma.sample.portrait import backdrop, crop, draw_person
from rjcma.sample.settings import Sample
from rjcma.sample.state import FACE, VOICE, WORDS, Floats, State, coupled, draw, shown
from rjcma.sample.talk import Soundtrack, Speaker, silence, talk
from rjcma.timeline import Seconds, frame_times

FOLDERS: dict[Partition, str] = {
    "train": "annotations/VA/train",
    "validation": "annotations/VA/validation",
}
UNLABELLED = -5.0
COUPLING = 0.35  # share of a person's state that follows the other person's
DROPPED = 0.12  # share of frames that are missing in a video with irregular times
JPEG_QUALITY = 90


def write(settings: Sample, root: Path) -> None:
    """Write the corpus to the folder `root`, which must be empty or missing.

    Raises `Problem` for a name in the settings that no video has.
    """
    videos = selected_videos(settings)
    for folder in ("videos", "cropped_aligned", *FOLDERS.values()):
        (root / folder).mkdir(parents=True)
    test = [clip for video in videos if video.partition == "test" for clip in video.clips]
    (root / "test.txt").write_text("".join(f"{clip}\n" for clip in sorted(test)))
    _write_videos(videos, settings.seed, root)


def _write_videos(videos: list[Video], seed: int, root: Path) -> None:
    """Write each video in its own process, the longest first."""
    longest_first = sorted(videos, key=lambda video: -video.seconds * len(video.people))
    with (
        executor("processes", len(videos)) as pool,
        Progress("sample", len(videos), "video") as progress,
    ):
        futures = [pool.submit(write_video, video, seed, root) for video in longest_first]
        for future in as_completed(futures):
            future.result()
            progress.step()


@dataclass(frozen=True)
class Scene:
    """Everything that is random in a video."""

    video: Video
    times: Floats  # of the frames, (T,)
    states: list[State]  # of each person
    looks: list[Looks]
    sound: Soundtrack
    expressions: list[list[Expression]]  # of each person, at each frame
    room: Image


def draw_scene(video: Video, seed: int) -> Scene:
    """Draw a video's states, people, speech and motion."""
    children = _generator(video, seed).spawn(6)
    of_states, of_looks, of_voices, of_talk, of_acts, of_times = children
    cv2.setNumThreads(1)
    times = _times(of_times, video)
    states = _states(of_states, video.people)
    looks = [draw_looks(of_looks, p.hair, p.skin, bearded=p.man) for p in video.people]
    speakers = [_speaker(of_voices, p, state) for p, state in zip(video.people, states)]
    quiet = silence(video.seconds, len(speakers))
    sound = quiet if video.silent else talk(of_talk, speakers, video.seconds)
    expressions = [
        expressions_at(
            of_acts,
            shown(of_acts, state, FACE),
            times,
            sound.voice(index, times),
            away=_stretches(video.away, video.seconds),
            covered=_stretches(video.covered, video.seconds),
        )
        for index, state in enumerate(states)
    ]
    room = backdrop(of_looks, looks[0].wall, *video.size)
    return Scene(video, times, states, looks, sound, expressions, room)


def write_video(video: Video, seed: int, root: Path) -> None:
    """Write one video of the corpus, its crops and its annotations."""
    scene = draw_scene(video, seed)
    film.write(
        root / "videos" / video.file,
        _frames(scene, root / "cropped_aligned"),
        size=video.size,
        fps=video.fps,
        audio=scene.sound.audio,
        times=scene.times.tolist() if video.irregular else None,
    )
    if video.partition != "test":
        for clip, state in zip(video.clips, scene.states):
            path = root / FOLDERS[video.partition] / f"{clip}.txt"
            path.write_text(annotation(video, state, scene.times))


def annotation(video: Video, state: State, times: Floats) -> str:
    """The text of an annotation file: a header and one row per frame."""
    times = frame_times(len(times) + video.extra_rows, float(video.fps), times.tolist())
    values = np.stack([state.valence(times), state.arousal(times)], 1).round(3)
    for start, end in _stretches(video.unlabelled, video.seconds):
        values[(times >= start) & (times < end)] = UNLABELLED
    rows = [
        f"{UNLABELLED:.0f},{UNLABELLED:.0f}" if v == UNLABELLED else f"{v:.3f},{a:.3f}"
        for v, a in values
    ]
    return "\n".join(["valence,arousal", *rows]) + "\n"


def _frames(scene: Scene, crops: Path) -> Iterator[Image]:
    """The frames of a video; the crop of each visible face is written along the way."""
    width, height = scene.video.size
    count = len(scene.looks)
    half_height = 0.295 * height if count == 1 else min(0.27 * height, 0.17 * width)
    folders = [crops / clip for clip in scene.video.clips]
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


def _generator(video: Video, seed: int) -> Generator:
    return default_rng([seed, zlib.crc32(video.name.encode())])


def _states(rng: Generator, people: tuple[Person, ...]) -> list[State]:
    states = [draw(rng, person.valence, person.arousal) for person in people]
    if len(states) == 1:
        return states
    one, other = states
    return [coupled(one, other, COUPLING), coupled(other, one, COUPLING)]


def _speaker(rng: Generator, person: Person, state: State) -> Speaker:
    return Speaker(
        voice=f"en-us+{person.voice}",
        rate=int(rng.integers(150, 172)),
        pitch=int(rng.integers(38, 54)),
        voice_state=shown(rng, state, VOICE),
        words_state=shown(rng, state, WORDS),
    )


def _times(rng: Generator, video: Video) -> Floats:
    """The time of each frame in seconds, (T,)."""
    times = frame_times(int(video.seconds * video.fps), float(video.fps))
    if not video.irregular:
        return times
    kept = rng.random(len(times)) >= DROPPED
    kept[0] = True
    return times[kept]


def _stretches(stretches: tuple[Stretch, ...], seconds: Seconds) -> list[tuple[Seconds, Seconds]]:
    return [(start * seconds, end * seconds) for start, end in stretches]

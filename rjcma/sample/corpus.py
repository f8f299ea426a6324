"""The sample corpus: videos of drawn people who speak, in the layout of Aff-Wild2.

    videos/<video>.mp4 | .avi
    cropped_aligned/<clip>/00001.jpg ...       112x112, by frame from 1; none where there is no face
    annotations/VA/train/<clip>.txt            valence,arousal, then a row a frame; -5 unlabelled
    annotations/VA/validation/<clip>.txt
    test.txt                                   names of the clips without annotation
    SAMPLE.txt, .keys                          that it was made, of what, and may be made anew

All of it follows from the seed: each video is drawn from the seed and its own name.
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
from rjcma.sample.acting import acted
from rjcma.sample.canvas import Canvas, Image
from rjcma.sample.cast import Partition, Person, Stretch, Video, chosen
from rjcma.sample.looks import Expression, Looks, draw_looks
from rjcma.sample.portrait import backdrop, crop, draw_person
from rjcma.sample.settings import Sample
from rjcma.sample.state import FACE, VOICE, WORDS, Floats, State, draw, in_step, shown
from rjcma.sample.talk import Soundtrack, Speaker, silence, talk
from rjcma.timeline import Seconds, frame_times

FOLDERS: dict[Partition, str] = {
    "train": "annotations/VA/train",
    "validation": "annotations/VA/validation",
}
UNLABELLED = -5.0
COMPANY = 0.35  # how far two people's states follow each other
DROPPED = 0.12  # the part of frames that a video with irregular times has lost
JPEG_QUALITY = 90


def write(settings: Sample, root: Path) -> None:
    """Write the corpus to the folder `root`, which is empty or not there. Raises `Problem` for a
    name in the settings that no video has."""
    videos = chosen(settings)
    for folder in ("videos", "cropped_aligned", *FOLDERS.values()):
        (root / folder).mkdir(parents=True)
    test = [clip for video in videos if video.partition == "test" for clip in video.clips]
    (root / "test.txt").write_text("".join(f"{clip}\n" for clip in sorted(test)))
    _shoot_all(videos, settings.seed, root)


def _shoot_all(videos: list[Video], seed: int, root: Path) -> None:
    """Shoot each video in a process of its own, the longest first."""
    longest_first = sorted(videos, key=lambda video: -video.seconds * len(video.people))
    with (
        executor("processes", len(videos)) as pool,
        Progress("sample", len(videos), "video") as progress,
    ):
        futures = [pool.submit(shoot, video, seed, root) for video in longest_first]
        for future in as_completed(futures):
            future.result()
            progress.step()


@dataclass(frozen=True)
class Scene:
    """All that is drawn at random for a video."""

    video: Video
    times: Floats  # of the frames, (T,)
    states: list[State]  # of each person
    looks: list[Looks]
    sound: Soundtrack
    acts: list[list[Expression]]  # of each person, of each frame
    room: Image


def scene(video: Video, seed: int) -> Scene:
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
    acts = [
        acted(
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
    return Scene(video, times, states, looks, sound, acts, room)


def shoot(video: Video, seed: int, root: Path) -> None:
    """Make one video of the corpus, its crops and its annotations."""
    drawn = scene(video, seed)
    film.write(
        root / "videos" / video.file,
        _frames(drawn, root / "cropped_aligned"),
        size=video.size,
        fps=video.fps,
        audio=drawn.sound.audio,
        times=drawn.times.tolist() if video.irregular else None,
    )
    if video.partition != "test":
        for clip, state in zip(video.clips, drawn.states):
            path = root / FOLDERS[video.partition] / f"{clip}.txt"
            path.write_text(annotation(video, state, drawn.times))


def annotation(video: Video, state: State, times: Floats) -> str:
    """The text of an annotation file: a header and a row a frame."""
    times = frame_times(len(times) + video.extra_rows, float(video.fps), times.tolist())
    values = np.stack([state.valence(times), state.arousal(times)], 1).round(3)
    for start, end in _stretches(video.unlabelled, video.seconds):
        values[(times >= start) & (times < end)] = UNLABELLED
    rows = [
        f"{UNLABELLED:.0f},{UNLABELLED:.0f}" if v == UNLABELLED else f"{v:.3f},{a:.3f}"
        for v, a in values
    ]
    return "\n".join(["valence,arousal", *rows]) + "\n"


def _frames(drawn: Scene, crops: Path) -> Iterator[Image]:
    """The pictures of a video; each face that can be seen is cropped and written on the way."""
    width, height = drawn.video.size
    count = len(drawn.looks)
    half_height = 0.295 * height if count == 1 else min(0.27 * height, 0.17 * width)
    folders = [crops / clip for clip in drawn.video.clips]
    for folder in folders:
        folder.mkdir()
    for k in range(len(drawn.times)):
        canvas = Canvas(drawn.room)
        places = [
            draw_person(
                canvas, looks, act[k], (width * (i + 0.5) / count, 0.47 * height), half_height
            )
            for i, (looks, act) in enumerate(zip(drawn.looks, drawn.acts))
        ]
        picture = canvas.picture()
        for folder, act, place in zip(folders, drawn.acts, places):
            if act[k].visible:
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
    return [in_step(one, other, COMPANY), in_step(other, one, COMPANY)]


def _speaker(rng: Generator, person: Person, state: State) -> Speaker:
    return Speaker(
        voice=f"en-us+{person.voice}",
        rate=int(rng.integers(150, 172)),
        pitch=int(rng.integers(38, 54)),
        heard=shown(rng, state, VOICE),
        worded=shown(rng, state, WORDS),
    )


def _times(rng: Generator, video: Video) -> Floats:
    """When each frame is shown."""
    times = frame_times(int(video.seconds * video.fps), float(video.fps))
    if not video.irregular:
        return times
    kept = rng.random(len(times)) >= DROPPED
    kept[0] = True
    return times[kept]


def _stretches(stretches: tuple[Stretch, ...], seconds: Seconds) -> list[tuple[Seconds, Seconds]]:
    return [(start * seconds, end * seconds) for start, end in stretches]

"""The sample corpus: videos of drawn people who speak, in the layout of Aff-Wild2.

    videos/<video>.mp4 | .avi
    cropped_aligned/<clip>/00001.jpg ...       112x112, by frame from 1; none where there is no face
    annotations/VA/train/<clip>.txt            valence,arousal, then a row a frame; -5 unlabelled
    annotations/VA/validation/<clip>.txt
    test.txt                                   names of the clips without annotation
    SAMPLE.txt                                 says that the folder was made, and may be made anew

All of it follows from the seed: each video is drawn from the seed and its own name.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rjcma.clipwise import worker_count
from rjcma.problem import Problem
from rjcma.sample import film
from rjcma.sample.acting import acted
from rjcma.sample.canvas import Canvas, Image
from rjcma.sample.cast import Partition, Person, Stretch, Video, chosen
from rjcma.sample.drawing import backdrop, crop, draw_person
from rjcma.sample.looks import Expression, Looks, draw_looks
from rjcma.sample.settings import Sample
from rjcma.sample.state import FACE, VOICE, WORDS, Floats, State, draw, in_step, shown
from rjcma.sample.talk import Soundtrack, Speaker, silence, talk
from rjcma.timeline import Seconds, frame_times

MARKER = "SAMPLE.txt"
ABOUT = "Made by the stage `sample`: drawn people, synthetic speech. This folder may be replaced.\n"
FOLDERS: dict[Partition, str] = {
    "train": "annotations/VA/train",
    "validation": "annotations/VA/validation",
}
UNLABELLED = -5.0
COMPANY = 0.35  # how far two people's states follow each other
DROPPED = 0.12  # the part of frames that a video with irregular times has lost
JPEG_QUALITY = 90


def make(settings: Sample, root: Path) -> None:
    """Make the corpus at `root`; what stood there is replaced if it was a sample corpus too.

    It is made beside `root` and put there when it is whole. Raises `Problem` where `root` holds
    something else.
    """
    _refuse_to_replace(root)
    videos = chosen(settings)
    partial = root.with_name(f".{root.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for folder in ("videos", "cropped_aligned", *FOLDERS.values()):
        (partial / folder).mkdir(parents=True)
    (partial / MARKER).write_text(ABOUT)
    test = [clip for video in videos if video.partition == "test" for clip in video.clips]
    (partial / "test.txt").write_text("".join(f"{clip}\n" for clip in sorted(test)))
    _shoot_all(videos, settings.seed, partial)
    if root.exists():
        shutil.rmtree(root)
    partial.replace(root)


def _refuse_to_replace(root: Path) -> None:
    if root.exists() and not (root / MARKER).exists() and any(root.iterdir()):
        raise Problem(
            file=root,
            found=f"a folder without {MARKER}, so not one that this stage made",
            expected="no such folder, or a sample corpus to make anew",
            cure="set corpus.make: [] to use your own corpus, or name another corpus.root",
        )


def _shoot_all(videos: list[Video], seed: int, root: Path) -> None:
    """Shoot each video in a process of its own, the longest first."""
    began = time.monotonic()
    longest_first = sorted(videos, key=lambda video: -video.seconds * len(video.people))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(worker_count(), len(videos)), spawn) as pool:
        futures = {pool.submit(shoot, video, seed, root): video for video in longest_first}
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            line = f"sample: {done}/{len(videos)} videos, {time.monotonic() - began:.0f} s"
            print(f"{line}: {futures[future].file}", file=sys.stderr, flush=True)


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


def _generator(video: Video, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(video.name.encode())])


def _states(rng: np.random.Generator, people: tuple[Person, ...]) -> list[State]:
    states = [draw(rng, person.valence, person.arousal) for person in people]
    if len(states) == 1:
        return states
    one, other = states
    return [in_step(one, other, COMPANY), in_step(other, one, COMPANY)]


def _speaker(rng: np.random.Generator, person: Person, state: State) -> Speaker:
    return Speaker(
        voice=f"en-us+{person.voice}",
        rate=int(rng.integers(150, 172)),
        pitch=int(rng.integers(38, 54)),
        heard=shown(rng, state, VOICE),
        worded=shown(rng, state, WORDS),
    )


def _times(rng: np.random.Generator, video: Video) -> Floats:
    """When each frame is shown."""
    times = frame_times(int(video.seconds * video.fps), float(video.fps))
    if not video.irregular:
        return times
    kept = rng.random(len(times)) >= DROPPED
    kept[0] = True
    return times[kept]


def _stretches(stretches: tuple[Stretch, ...], seconds: Seconds) -> list[tuple[Seconds, Seconds]]:
    return [(start * seconds, end * seconds) for start, end in stretches]

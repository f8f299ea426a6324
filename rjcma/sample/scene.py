"""A video of the sample before it is drawn: everything in it that is random.

Everything follows from the seed: a video's random numbers depend on the seed and on its name only.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import cv2
from numpy.random import Generator, default_rng

from rjcma.sample.acting import expressions_at
from rjcma.sample.canvas import Image
from rjcma.sample.cast import Person, Video
from rjcma.sample.looks import Expression, Looks, draw_looks
from rjcma.sample.portrait import backdrop
from rjcma.sample.state import FACE, VOICE, WORDS, Floats, State, coupled, draw, shown
from rjcma.sample.talk import Soundtrack, Speaker, silence, talk
from rjcma.timeline import frame_times

COUPLING = 0.35  # share of a person's state that follows the other person's
DROPPED = 0.12  # share of frames that are missing in a video with irregular times


class Shown(NamedTuple):
    """A person's state as each modality shows it."""

    face: State
    voice: State
    words: State


@dataclass(frozen=True)
class Scene:
    """Everything that is random in a video."""

    video: Video
    times: Floats  # of the frames, (T,)
    states: list[State]  # of each person, over the scene's time
    shown: list[Shown]
    looks: list[Looks]
    sound: Soundtrack
    expressions: list[list[Expression]]  # of each person, at each frame
    room: Image


class Dice(NamedTuple):
    """The sources of a video's random numbers; a further one, at the end, changes no other."""

    states: Generator
    looks: Generator
    voices: Generator
    talk: Generator
    acts: Generator
    times: Generator
    raters: Generator
    around: Generator


def dice_of(video: Video, seed: int) -> Dice:
    """The sources of a video's random numbers, at their beginning."""
    source = default_rng([seed, zlib.crc32(video.name.encode())])
    return Dice(*source.spawn(len(Dice._fields)))


def draw_scene(video: Video, seed: int) -> Scene:
    """Draw a video's states, people, speech and motion."""
    dice = dice_of(video, seed)
    cv2.setNumThreads(1)
    times = _times(dice.times, video)
    states = _states(dice.states, video.people)
    looks = [
        draw_looks(_looks_of(p, seed) or dice.looks, p.hair, p.skin, bearded=p.man)
        for p in video.people
    ]
    speakers = [_speaker(dice.voices, p, state) for p, state in zip(video.people, states)]
    quiet = silence(video.seconds, len(speakers))
    sound = quiet if video.silent else talk(dice.talk, speakers, video.seconds)
    seen: list[Shown] = []
    expressions = []
    for index, (state, speaker) in enumerate(zip(states, speakers)):
        face = shown(dice.acts, state, FACE)
        seen.append(Shown(face, speaker.voice_state, speaker.words_state))
        expressions.append(
            expressions_at(
                dice.acts,
                face,
                times,
                sound.voice(index, times),
                away=video.within(video.away),
                covered=video.within(video.covered),
            )
        )
    room = backdrop(dice.looks, looks[0].wall, *video.size)
    return Scene(video, times, states, seen, looks, sound, expressions, room)


def _looks_of(person: Person, seed: int) -> Generator | None:
    """The source of the looks of a person in several videos; None: the video's own."""
    return default_rng([seed, zlib.crc32(person.name.encode())]) if person.name else None


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
    times = frame_times(video.frames, float(video.fps))
    if not video.irregular:
        return times
    kept = rng.random(len(times)) >= DROPPED
    kept[0] = True
    return times[kept]

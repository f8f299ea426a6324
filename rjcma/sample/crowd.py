"""Further people and videos of the sample, as many as are asked for, drawn from its seed.

Each person has a mood, looks and a voice; each video some of the difficulties of the cast's. What
is drawn for a person or a video depends on the seed and its number only, so a larger crowd has the
people and videos of a smaller one. All numbers are ours.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar, get_args

from numpy.random import Generator, default_rng

from rjcma.sample.cast import FILM, NTSC, PAL, THIRTY, Partition, Person, Stretch, Video
from rjcma.sample.looks import SKINS, Hair

RATES = (PAL, PAL, THIRTY, THIRTY, NTSC, FILM)
MEN, WOMEN = ("m1", "m2", "m3", "m4", "m5", "m7"), ("f1", "f3", "f4", "f5")
"""Voices that the sample's Vosk model was trained on."""
OF_MEN: tuple[Hair, ...] = ("short", "curly", "bald")
OF_WOMEN: tuple[Hair, ...] = tuple(hair for hair in get_args(Hair) if hair not in OF_MEN[::2])
T = TypeVar("T")

SHORTEST, LONGEST = 10, 16  # seconds
FURTHEST = 0.8  # the centre of a mood, before tanh
FIFTH = 5  # each fifth person is for validation, as a fold of five is
SILENT, AWAY, COVERED = 0.05, 0.15, 0.1  # shares of videos


def crowd(clips: int, people: int | None, seed: int) -> list[Video]:
    """So many videos, of one clip each, of so many people in turn; None: of one person each."""
    shown = clips if people is None else people
    return [_video(k // shown + 1, k % shown + 1, seed) for k in range(clips)]


def _video(take: int, number: int, seed: int) -> Video:
    """The video `take`, from 1 on, of person `number`, from 1 on."""
    name = f"p{number:04d}-{take:02d}"
    rng = _dice(seed, name)
    return Video(
        name,
        RATES[rng.integers(len(RATES))],
        int(rng.integers(SHORTEST, LONGEST + 1)),
        (_person(number, seed),),
        _partition(number),
        silent=bool(rng.random() < SILENT),
        away=_stretches(rng, AWAY),
        covered=_stretches(rng, COVERED),
    )


def _person(number: int, seed: int) -> Person:
    name = f"p{number:04d}"
    rng = _dice(seed, name)
    man = bool(rng.integers(2))
    hair, skin = _one(rng, OF_MEN if man else OF_WOMEN), int(rng.integers(len(SKINS)))
    voice = _one(rng, MEN if man else WOMEN)
    valence, arousal = (float(mood) for mood in rng.uniform(-FURTHEST, FURTHEST, 2))
    return Person(hair, skin, voice, valence, arousal, name)


def _partition(number: int) -> Partition:
    return "validation" if number % FIFTH == 0 else "train"


def _stretches(rng: Generator, share: float) -> tuple[Stretch, ...]:
    """With this probability a stretch of the video in which the face is not seen."""
    has, start, length = (float(share) for share in rng.random(3))
    return ((0.1 + 0.5 * start, 0.2 + 0.5 * start + 0.1 * length),) if has < share else ()


def _one(rng: Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def _dice(seed: int, name: str) -> Generator:
    return default_rng([seed, zlib.crc32(f"cast {name}".encode())])

"""Looks and expressions of the sample's people, as numbers for drawing.

The unit of length is half the head's height: its middle is (0, 0), its crown (0, -1), its chin
(0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.random import Generator

from rjcma.sample.canvas import Colour, mixed

Hair = Literal["short", "long", "bun", "curly", "bald", "bob"]

SKINS: tuple[Colour, ...] = (
    (250, 218, 196),
    (240, 196, 164),
    (224, 172, 132),
    (194, 138, 98),
    (150, 102, 70),
    (110, 74, 52),
)
HAIRS: tuple[Colour, ...] = (
    (34, 28, 28),
    (66, 44, 32),
    (112, 70, 38),
    (176, 126, 66),
    (220, 186, 120),
    (150, 62, 32),
    (150, 150, 156),
)
IRISES: tuple[Colour, ...] = ((84, 54, 32), (60, 100, 70), (70, 110, 160), (110, 90, 60))
SHIRTS: tuple[Colour, ...] = (
    (64, 98, 150),
    (170, 70, 70),
    (78, 130, 100),
    (96, 82, 130),
    (216, 200, 170),
    (60, 66, 80),
    (214, 140, 60),
)
WALLS: tuple[Colour, ...] = (
    (206, 214, 220),
    (190, 204, 186),
    (222, 206, 186),
    (160, 174, 192),
    (206, 190, 206),
    (120, 132, 140),
)


@dataclass(frozen=True)
class Looks:
    """A person's looks, the same in all frames."""

    skin: Colour
    hair_colour: Colour
    hair: Hair
    iris: Colour
    shirt: Colour
    wall: Colour
    width: float  # of the head
    jaw: float  # 0.7 square to 1.1 pointed
    eye_gap: float  # from the middle of the face to the middle of an eye
    eye_size: float
    brow_width: float
    brow_slant: float  # at rest; above 0 the inner ends are down
    mouth_width: float
    mouth_rest: float  # bend of the mouth at rest; above 0 the corners are up
    glasses: bool
    beard: float  # 0 none to 1 full

    @property
    def shade(self) -> Colour:
        """The skin in shadow."""
        return mixed(self.skin, (70, 20, 10), 0.26)

    @property
    def lips(self) -> Colour:
        """The lips' colour."""
        return mixed(self.skin, (176, 34, 44), 0.52)


@dataclass(frozen=True)
class Expression:
    """A face at one moment. Bends and raises go from -1 to 1, openings from 0 to 1."""

    smile: float = 0.0  # corners of the mouth: up, or down in a frown
    mouth_open: float = 0.0
    brow_raise: float = 0.0
    brow_frown: float = 0.0  # inner ends: down in anger, up in sorrow
    eye_open: float = 0.6
    blink: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0  # of the head about its upright axis, in radians
    tilt: float = 0.0  # of the head towards a shoulder, in radians
    shift: tuple[float, float] = (0.0, 0.0)  # of the head, in half heights
    covered: float = 0.0  # how far a book is held up before the face

    @property
    def visible(self) -> bool:
        """Whether the face can be seen: it is neither turned away nor covered."""
        return abs(self.turn) < TURNED_AWAY and self.covered < COVERED


TURNED_AWAY = 0.9
COVERED = 0.35


def draw_looks(rng: Generator, hair: Hair, skin: int, *, bearded: bool) -> Looks:
    """Random looks with the given hair and skin (index into `SKINS`); `bearded` allows a beard."""

    def any_of(colours: tuple[Colour, ...]) -> Colour:
        return colours[rng.integers(len(colours))]

    dark = skin >= 3
    return Looks(
        skin=SKINS[skin],
        hair_colour=any_of(HAIRS[:2] if dark else HAIRS),
        hair=hair,
        iris=IRISES[0] if dark else any_of(IRISES),
        shirt=any_of(SHIRTS),
        wall=any_of(WALLS),
        width=rng.uniform(0.72, 0.82),
        jaw=rng.uniform(0.72, 1.0),
        eye_gap=rng.uniform(0.30, 0.35),
        eye_size=rng.uniform(0.145, 0.175),
        brow_width=rng.uniform(0.045, 0.085),
        brow_slant=rng.uniform(-0.15, 0.15),
        mouth_width=rng.uniform(0.29, 0.36),
        mouth_rest=rng.uniform(-0.12, 0.12),
        glasses=rng.random() < 0.3,
        beard=rng.uniform(0.35, 0.8) if bearded and rng.random() < 0.5 else 0.0,
    )

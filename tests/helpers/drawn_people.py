"""Pictures of the sample's drawn people, for tests of detectors."""

from __future__ import annotations

import numpy as np

from rjcma.sample.canvas import Canvas
from rjcma.sample.looks import HAIRS, SKINS, Expression, Looks
from rjcma.sample.portrait import draw_person

WIDTH, HEIGHT = 480, 270
LOOKS = Looks(
    skin=SKINS[1],
    hair_colour=HAIRS[1],
    hair="short",
    iris=(60, 100, 70),
    shirt=(64, 98, 150),
    wall=(190, 204, 186),
    width=0.77,
    jaw=0.85,
    eye_gap=0.32,
    eye_size=0.16,
    brow_width=0.06,
    brow_slant=0.0,
    mouth_width=0.32,
    mouth_rest=0.0,
    glasses=False,
    beard=0.0,
)


def drawn(*centres, half_height=70, **expression):
    """A picture of people at these centres."""
    canvas = Canvas(np.full((2 * HEIGHT, 2 * WIDTH, 3), 190, np.uint8))
    for centre in centres:
        draw_person(canvas, LOOKS, Expression(**expression), centre, half_height)
    return canvas.picture()

"""Colours, and lines and areas that are drawn into RGB pictures at positions between pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rjcma.vision.pictures import Pixels

Colour = tuple[int, int, int]
"""Red, green and blue."""

GROUND: Colour = (19, 22, 27)
PLOT: Colour = (29, 33, 40)
FAINT: Colour = (58, 65, 75)
QUIET: Colour = (150, 160, 172)
INK: Colour = (240, 243, 246)
ACCENT: Colour = (255, 209, 102)

TARGETS: dict[str, Colour] = {"valence": (86, 180, 233), "arousal": (255, 146, 72)}
OTHERS: Sequence[Colour] = ((64, 200, 150), (232, 154, 199), (240, 228, 66), (176, 160, 255))
"""As in `rjcma.scoring.style`, but light, for a dark ground."""

PEOPLE: Sequence[Colour] = (ACCENT, *TARGETS.values(), *OTHERS[:2], OTHERS[3], INK)
"""Of several people, in turn; OTHERS has a yellow that is like ACCENT."""

BITS = 4
"""Of a position's fraction, as OpenCV takes it."""


def colours(targets: Sequence[str]) -> dict[str, Colour]:
    """A colour for each target.

    >>> colours(["arousal", "engagement"])
    {'arousal': (255, 146, 72), 'engagement': (64, 200, 150)}
    """
    others = [target for target in targets if target not in TARGETS]
    return {
        target: TARGETS.get(target) or OTHERS[others.index(target) % len(OTHERS)]
        for target in targets
    }


def mixed(colour: Colour, share: float, ground: Colour = GROUND) -> Colour:
    """A share of a colour, 0 to 1, over a ground.

    >>> mixed((100, 100, 100), 0.5, (0, 0, 0))
    (50, 50, 50)
    """
    red, green, blue = (round(share * c + (1 - share) * g) for c, g in zip(colour, ground))
    return red, green, blue


def line(image: Pixels, points: ArrayLike, width: float, colour: Colour) -> None:
    """A line through points (N, 2), at least one pixel wide."""
    path = [_fixed(points)]
    cv2.polylines(image, path, False, colour, max(1, round(width)), cv2.LINE_AA, BITS)


def polygon(image: Pixels, points: ArrayLike, colour: Colour) -> None:
    """A filled polygon of points (N, 2)."""
    cv2.fillPoly(image, [_fixed(points)], colour, cv2.LINE_AA, BITS)


def disc(image: Pixels, centre: ArrayLike, radius: float, colour: Colour) -> None:
    """A filled circle."""
    x, y = _fixed(centre).tolist()
    cv2.circle(image, (x, y), round(radius * 2**BITS), colour, -1, cv2.LINE_AA, BITS)


def ring(image: Pixels, centre: ArrayLike, radius: float, width: float, colour: Colour) -> None:
    """A circle."""
    (x, y), thick = _fixed(centre).tolist(), max(1, round(width))
    cv2.circle(image, (x, y), round(radius * 2**BITS), colour, thick, cv2.LINE_AA, BITS)


def tint(image: Pixels, mask: NDArray[np.uint8], left: int, top: int, colour: Colour) -> None:
    """Mix a colour into the picture as far as a mask (h, w) says; what is outside is cut off."""
    height, width = image.shape[:2]
    rows = slice(max(top, 0), min(top + mask.shape[0], height))
    columns = slice(max(left, 0), min(left + mask.shape[1], width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    share = part[..., None].astype(np.float32) / 255
    region = image[rows, columns]
    region[:] = np.round(region + (np.array(colour, np.float32) - region) * share).astype(np.uint8)


def _fixed(points: ArrayLike) -> NDArray[np.int32]:
    limit = 2**20  # OpenCV's positions are 32 bits wide
    fixed = np.round(np.asarray(points, np.float64) * 2**BITS)
    return np.clip(fixed, -limit, limit).astype(np.int32)

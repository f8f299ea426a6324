"""Anti-aliased drawing of shapes that have their own coordinates."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Image = NDArray[np.uint8]
Points = NDArray[np.float64]
Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""

FRACTION_BITS = 4
OVERSAMPLING = 2  # canvas pixels per picture pixel, in each direction


class Canvas:
    """An RGB picture, drawn `OVERSAMPLING` times as large; `backdrop` has that size already.

    `place` (2, 3) is the affine map from the shapes' coordinates to the picture's pixels.
    """

    def __init__(self, backdrop: Image) -> None:
        self.pixels = backdrop.copy()
        self.place: Points = np.eye(2, 3)

    def polygon(self, points: ArrayLike, colour: Colour) -> None:
        """Fill a polygon given by (N, 2) points."""
        cv2.fillPoly(self.pixels, [self._fixed(points)], colour, cv2.LINE_AA, shift=FRACTION_BITS)

    def line(self, points: ArrayLike, width: float, colour: Colour) -> None:
        """Draw a line of the given width through (N, 2) points."""
        thickness = max(1, round(width * self.scale))
        path = [self._fixed(points)]
        cv2.polylines(self.pixels, path, False, colour, thickness, cv2.LINE_AA, shift=FRACTION_BITS)

    def disc(self, centre: ArrayLike, radii: ArrayLike, colour: Colour) -> None:
        """Fill an ellipse whose axes are upright in the shapes' coordinates."""
        self.polygon(ellipse(centre, radii), colour)

    def glow(self, centre: ArrayLike, radii: ArrayLike, colour: Colour, strength: float) -> None:
        """Tint an ellipse: most in its middle, not at all at its edge."""
        steps = 4
        for step in range(steps):
            outline = ellipse(centre, np.asarray(radii) * (1 - step / steps))
            self.tint(outline, colour, strength / steps)

    def tint(self, points: ArrayLike, colour: Colour, strength: float) -> None:
        """Mix a colour into a polygon."""
        fixed = self._fixed(points)
        left, top, width, height = cv2.boundingRect((fixed >> FRACTION_BITS).astype(np.int32))
        rows = slice(max(top - 1, 0), top + height + 2)
        columns = slice(max(left - 1, 0), left + width + 2)
        region = self.pixels[rows, columns]
        if not region.size:
            return
        shade = region.copy()
        offset = np.array([columns.start, rows.start]) << FRACTION_BITS
        cv2.fillPoly(
            shade, [(fixed - offset).astype(np.int32)], colour, cv2.LINE_AA, shift=FRACTION_BITS
        )
        cv2.addWeighted(shade, strength, region, 1 - strength, 0, dst=region)

    @property
    def scale(self) -> float:
        """Canvas pixels per unit of the shapes' coordinates."""
        return float(np.hypot(*self.place[:, 0])) * OVERSAMPLING

    def picture(self) -> Image:
        """The drawing, reduced to the picture's size."""
        height, width = (side // OVERSAMPLING for side in self.pixels.shape[:2])
        return shrunk(self.pixels, width, height)

    def _fixed(self, points: ArrayLike) -> NDArray[np.int32]:
        placed = np.asarray(points, np.float64) @ self.place[:, :2].T + self.place[:, 2]
        canvas = (placed + 0.5) * OVERSAMPLING - 0.5
        return np.round(canvas * (1 << FRACTION_BITS)).astype(np.int32)


def ellipse(centre: ArrayLike, radii: ArrayLike, corners: int = 40) -> Points:
    """The outline of an ellipse, (corners, 2)."""
    return np.asarray(centre) + _circle(corners) * np.asarray(radii)


def arc(start: ArrayLike, middle: ArrayLike, end: ArrayLike, count: int = 17) -> Points:
    """Points on a parabola from `start` through `middle`, half-way, to `end`, (count, 2)."""
    return _parabola(count) @ np.array([start, middle, end], np.float64)


@functools.cache
def _circle(corners: int) -> Points:
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


@functools.cache
def _parabola(count: int) -> Points:
    """The weights of start, middle and end along an arc, (count, 3)."""
    t = np.linspace(0, 1, count)
    return np.stack([(1 - t) * (1 - 2 * t), 4 * t * (1 - t), t * (2 * t - 1)], 1)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`one` mixed with a share of `other`, 0 to 1."""
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(one, other))
    return red, green, blue


def shrunk(image: Image, width: int, height: int) -> Image:
    """The picture at a smaller size; each pixel is the mean of the pixels that it replaces."""
    small: Any = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return small

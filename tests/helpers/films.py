"""Short videos of drawn blobs, and a detector that finds them, for tests of `rjcma.vision`.

A blob is a disc of a pure colour with a dark dot in it, which stands for the nose.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Literal

import av
import cv2
import numpy as np

from rjcma.vision.alignment import SIDE, TEMPLATE
from rjcma.vision.settings import Detector, Faces

WIDTH, HEIGHT, FPS = 160, 96, 10
GREY = 90
COLOURS = {"red": (230, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 230)}
SHARE = 0.6  # of the template's side: a blob's diameter


class Blobs(Detector):
    """The stand-in for a detector."""

    engine: Literal["blobs"] = "blobs"
    pixels: int = 640
    implementation: ClassVar[str] = "films:detector"


def settings(size: int = 16, every: int = 1, bridge: float = 0.25, **other) -> Faces:
    """Settings with which blobs are the faces."""
    detector = Blobs(**other)
    return Faces.model_construct(size=size, detector=detector, every=every, bridge=bridge)


def detector(_: Blobs):
    """Finds blobs: red, green and blue ones, each colour's as one."""

    def detect(picture: np.ndarray) -> np.ndarray:
        found = []
        for channel in range(3):
            others = np.delete(picture, channel, axis=2).max(2).astype(int)
            mask = (picture[..., channel].astype(int) - others > 70).astype(np.uint8)
            count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            for n in range(1, count):
                x, y, width, height, area = stats[n]
                if area >= 30:
                    found.append(_face(picture, x, y, width, height))
        return np.array(found).reshape(-1, 15)

    return detect


def _face(picture, x, y, width, height):
    middle = np.array([x + (width - 1) / 2, y + (height - 1) / 2])
    side = max(width, height) / SHARE
    points = middle + (TEMPLATE - (SIDE - 1) / 2) / SIDE * side
    inside = picture[y : y + height, x : x + width].max(2) < 70
    inside &= np.hypot(*(np.indices(inside.shape) - (height / 2, width / 2)[:1])) < width
    if inside.any():
        rows, columns = np.nonzero(inside)
        points[2] = (x + columns.mean(), y + rows.mean())
    return [x, y, width, height, *points.ravel(), 0.9]


def picture(*blobs, width=WIDTH, height=HEIGHT, grey=GREY) -> np.ndarray:
    """A picture of blobs: (colour's name, x, y[, radius[, shift of the dot]])."""
    drawn = np.full((height, width, 3), grey, np.uint8)
    for name, x, y, *more in blobs:
        radius, shift = (*more, *(12, 0.0)[len(more) :])
        fixed = (round(x * 16), round(y * 16))
        cv2.circle(drawn, fixed, round(radius * 16), COLOURS[name], -1, cv2.LINE_AA, 4)
        dot = (round((x + shift) * 16), round(y * 16))
        cv2.circle(drawn, dot, round(radius * 3), (0, 0, 0), -1, cv2.LINE_AA, 4)
    return drawn


def write(
    path: Path,
    pictures: Iterable[np.ndarray],
    *,
    codec: str = "ffv1",
    pixels: str = "bgr0",
    rotation: int = 0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video at FPS, by default without loss (.mkv)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        for k, each in enumerate(pictures):
            if k == 0:
                stream.height, stream.width = each.shape[:2]
                stream.pix_fmt = pixels
                stream.options = options or {}
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
                if rotation:
                    stream.set_display_rotation(rotation)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(each), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path

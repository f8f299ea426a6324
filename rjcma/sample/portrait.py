"""Drawn people: a head that turns, with eyes, brows and a mouth that show an expression.

The head is like a cylinder whose half width w(y) depends on the height y. When it turns by the
angle `turn`, the point (x, y) of the face moves to (w(y) sin(asin(x / w(y)) + turn), y). So the
features become narrower, and disappear when the face is turned away.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from rjcma.sample.canvas import (
    OVERSAMPLING,
    Canvas,
    Colour,
    Image,
    Points,
    arc,
    ellipse,
    mixed,
    shrunk,
)
from rjcma.sample.looks import Expression, Looks

CROP_SIZE = 112  # pixels, as the corpus's aligned crops
CROP_MIDDLE = (0.0, 0.12)  # in half heights of the head
CROP_REACH = 1.06  # from the middle to the crop's edge

DARK: Colour = (44, 30, 30)
EYE_WHITE: Colour = (246, 244, 240)
TEETH: Colour = (248, 246, 240)
TONGUE: Colour = (206, 96, 96)
THROAT: Colour = (92, 22, 28)
BLUSH: Colour = (232, 92, 84)
BOOK: Colour = (74, 96, 128)

# From crown to chin, closer together at the ends, where the outline bends.
HEIGHTS = 0.035 - 1.035 * np.cos(np.linspace(0, np.pi, 121))


def placement(expression: Expression, centre: ArrayLike, half_height: float) -> Points:
    """The affine map from the head's coordinates to the picture, (2, 3): tilt and shift."""
    cosine, sine = np.cos(expression.tilt), np.sin(expression.tilt)
    turned = half_height * np.array([[cosine, -sine], [sine, cosine]])
    neck = np.array([0.0, 1.1])
    shift = half_height * (np.asarray(expression.shift) + neck)
    return np.column_stack([turned, np.asarray(centre) + shift - turned @ neck])


def crop(picture: Image, place: Points) -> Image:
    """The face in a picture, upright and at a fixed size: (112, 112, 3)."""
    twice = 2 * CROP_SIZE
    scale = 2 * CROP_REACH / twice
    corner = np.asarray(CROP_MIDDLE) - CROP_REACH + scale / 2
    to_picture = np.column_stack([place[:, :2] * scale, place[:, :2] @ corner + place[:, 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped: Any = cv2.warpAffine(
        picture, to_picture, (twice, twice), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return shrunk(warped, CROP_SIZE, CROP_SIZE)


def backdrop(rng: Generator, wall: Colour, width: int, height: int) -> Image:
    """A room out of focus, at the canvas's size: (OVERSAMPLING height, OVERSAMPLING width, 3)."""
    room = np.empty((height, width, 3), np.uint8)
    fade = np.linspace(0.0, 0.35, height)[:, None, None]
    room[:] = np.asarray(wall) * (1 - fade) + np.asarray((40, 40, 48)) * fade
    for _ in range(7):
        left, top = rng.uniform(-0.1, 0.95, 2) * (width, height)
        side = rng.uniform(0.08, 0.3, 2) * (width, height)
        colour = mixed(wall, tuple(rng.uniform(30, 250, 3)), 0.3)
        corners = np.array([[left, top], [left + side[0], top + side[1]]]).round().astype(int)
        cv2.rectangle(room, tuple(corners[0].tolist()), tuple(corners[1].tolist()), colour, -1)
    blurred = cv2.GaussianBlur(room, (0, 0), width / 40)
    size = OVERSAMPLING * width, OVERSAMPLING * height
    return cv2.resize(blurred, size)  # type: ignore[return-value]


def draw_person(
    canvas: Canvas, looks: Looks, expression: Expression, centre: ArrayLike, half_height: float
) -> Points:
    """Draw a person; `centre` is the middle of the head at rest. -> the head's `placement`."""
    place = placement(expression, centre, half_height)
    at_rest = Expression(shift=(0.4 * expression.shift[0], 0.3 * expression.shift[1]))
    head = _Head(canvas, looks, expression)
    canvas.place = place
    head.hair_behind()
    canvas.place = placement(at_rest, centre, half_height)
    _shoulders(canvas, looks)
    canvas.place = place
    head.draw()
    if expression.covered > 0:
        canvas.place = placement(at_rest, centre, half_height)
        _book(canvas, looks, expression.covered)
    return place


def _shoulders(canvas: Canvas, looks: Looks) -> None:
    neck = 0.36
    canvas.polygon(
        [(-neck, 0.5), (neck, 0.5), (neck + 0.05, 1.7), (-neck - 0.05, 1.7)], looks.shade
    )
    left, right = (
        arc((side * 0.3, 1.22), (side * 0.95, 1.5), (side * 1.5, 2.6)) for side in (-1, 1)
    )
    collar = arc((0.3, 1.22), (0, 1.52), (-0.3, 1.22))
    canvas.polygon(np.concatenate([right[::-1], collar, left]), looks.shirt)
    canvas.line(collar, 0.05, mixed(looks.shirt, DARK, 0.35))


def _book(canvas: Canvas, looks: Looks, covered: float) -> None:
    top = 2.3 - 2.9 * covered
    canvas.polygon([(-0.98, top), (0.98, top), (1.0, top + 2.6), (-1.0, top + 2.6)], BOOK)
    canvas.polygon(
        [(-0.9, top + 0.1), (0.9, top + 0.1), (0.9, top + 0.16), (-0.9, top + 0.16)],
        mixed(BOOK, (255, 255, 255), 0.5),
    )
    canvas.line([(0, top), (0, top + 2.6)], 0.05, mixed(BOOK, DARK, 0.5))
    for side in (-1, 1):
        for finger in range(4):
            canvas.disc((side * 0.9, top + 0.75 + 0.15 * finger), (0.17, 0.075), looks.skin)


def _half_widths(looks: Looks, chin: float) -> Points:
    """The head's half width at each of `HEIGHTS`: round above, narrowing to the chin below."""
    above = np.sqrt(np.clip(1 - HEIGHTS**2, 0, 1))
    below = np.clip(1 - (np.clip(HEIGHTS, 0, None) / chin) ** 2.3, 0, 1) ** (0.62 * looks.jaw)
    return looks.width * np.where(HEIGHTS < 0, above, below)


class _Head:
    """One head at one moment, drawn from the back to the front."""

    def __init__(self, canvas: Canvas, looks: Looks, expression: Expression) -> None:
        self.canvas, self.looks, self.now = canvas, looks, expression
        self.chin = 1.0 + 0.07 * expression.mouth_open
        self.widths = _half_widths(looks, self.chin)

    def half_width(self, y: ArrayLike) -> Points:
        """The head's half width at a height."""
        return np.interp(np.asarray(y, np.float64), HEIGHTS, self.widths)

    def on_face(self, points: ArrayLike) -> Points:
        """Points of the face as they appear when the head is turned."""
        points = np.asarray(points, np.float64)
        reach = np.maximum(self.half_width(points[:, 1]), 0.05)
        angle = np.arcsin(np.clip(points[:, 0] / reach, -1, 1)) + self.now.turn
        return np.stack([reach * np.sin(np.clip(angle, -np.pi / 2, np.pi / 2)), points[:, 1]], 1)

    def faces_us(self, x: float, y: float) -> bool:
        """Whether the place (x, y) of the face can be seen."""
        reach = max(float(self.half_width(y)), 0.05)
        return abs(np.arcsin(np.clip(x / reach, -1, 1)) + self.now.turn) < 1.35

    def draw(self) -> None:
        self.ears()
        self.canvas.polygon(self.outline(-1, self.chin), self.looks.skin)
        self.hair_cap()
        self.face()
        if self.looks.beard:
            self.beard()
        self.cheeks()
        if self.faces_us(0, 0.5):
            self.mouth()
        for side in (-1, 1):
            if self.faces_us(side * self.looks.eye_gap, -0.05):
                self.eye(side)
        if self.faces_us(0, 0.2):
            self.nose()
        self.fringe()
        for side in (-1, 1):
            if self.faces_us(side * self.looks.eye_gap, -0.3):
                self.brow(side)
        if self.looks.glasses and self.faces_us(0, 0):
            self.glasses()

    def outline(self, top: float, bottom: float, wider: float = 1.0) -> Points:
        """The head's outline between two heights."""
        y = bottom + (top - bottom) * (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, 40)))
        x = self.half_width(y) * wider
        return np.concatenate([np.stack([x, y], 1), np.stack([-x, y], 1)[::-1]])

    def ears(self) -> None:
        for side in (-1, 1):
            x = side * self.looks.width * np.cos(0.5 * self.now.turn)
            self.canvas.disc((x, 0.08), (0.12, 0.19), self.looks.skin)
            self.canvas.disc((x, 0.1), (0.06, 0.11), self.looks.shade)

    def hair_behind(self) -> None:
        """Hair behind the shoulders and around the head."""
        hair, width = self.looks.hair, self.looks.width
        if hair == "long":
            sides = arc((-width * 1.12, -0.3), (-width * 1.28, 0.7), (-width * 1.05, 1.6))
            other = sides[::-1] * (-1, 1)
            self.canvas.polygon(np.concatenate([sides, other]), self.hair_shadow())
        elif hair == "bob":
            self.canvas.disc((0, 0.1), (width * 1.28, 0.8), self.hair_shadow())
        elif hair == "bun":
            self.canvas.disc((0.25 * np.sin(self.now.turn), -1.18), (0.3, 0.28), self.hair_shadow())
        elif hair == "curly":
            for angle in np.linspace(0.75 * np.pi, 2.25 * np.pi, 17):
                at = np.array([np.cos(angle) * width * 1.1, np.sin(angle) * 0.98 - 0.08])
                self.canvas.disc(at, (0.24, 0.24), self.hair_shadow())

    def hair_shadow(self) -> Colour:
        return mixed(self.looks.hair_colour, (0, 0, 0), 0.25)

    def hair_cap(self) -> None:
        """The hair of the whole head; the face is drawn over it."""
        if self.looks.hair == "bald":
            return
        ahead = {"short": 0.2, "curly": 0.3, "bun": 0.25}.get(self.looks.hair, 0.75)
        behind = min(abs(self.now.turn) / 1.2, 1.0)  # the nape comes into view
        down = ahead + (0.75 - ahead) * behind
        points = self.outline(-1, down, wider=1.06)
        points[:, 1] = np.where(points[:, 1] < 0, points[:, 1] * 1.08, points[:, 1])
        self.canvas.polygon(points, self.looks.hair_colour)

    def face(self) -> None:
        """The skin between hairline, temples and chin."""
        edge = 1.42 if self.looks.hair in ("short", "bald") else 1.3
        top = -1.0 if self.looks.hair == "bald" else -0.6
        y = np.linspace(top, self.chin, 40)
        edges = np.where(y > 0.35, np.pi / 2, edge)
        left = self.half_width(y) * np.sin(np.clip(-edges + self.now.turn, -np.pi / 2, np.pi / 2))
        right = self.half_width(y) * np.sin(np.clip(edges + self.now.turn, -np.pi / 2, np.pi / 2))
        points = np.concatenate([np.stack([left, y], 1), np.stack([right, y], 1)[::-1]])
        self.canvas.polygon(points, self.looks.skin)

    def fringe(self) -> None:
        """Hair over the forehead."""
        hair = self.looks.hair
        if hair == "bald" or not self.faces_us(0, -0.5):
            return
        width = self.looks.width
        low = {"short": -0.60, "curly": -0.58, "bun": -0.66}.get(hair, -0.46)
        part = {"short": 0.3, "long": -0.25, "bob": 0.0}.get(hair, 0.1)
        angle = np.linspace(np.pi, 2 * np.pi, 33)
        crown = np.stack([1.04 * width * np.cos(angle), -0.2 + 0.88 * np.sin(angle)], 1)
        line = np.concatenate(
            [
                arc((width, -0.2), (width * 0.72, low), (part * width, low - 0.12)),
                arc((part * width, low - 0.12), (-width * 0.6, low), (-width, -0.2)),
            ]
        )
        self.canvas.polygon(np.concatenate([crown, self.on_face(line)]), self.looks.hair_colour)

    def cheeks(self) -> None:
        """Blush, and the folds of a smile beside the mouth."""
        smile = self.now.smile
        strength = 0.16 + 0.16 * max(smile, 0)
        for side in (-1, 1):
            if not self.faces_us(side * 0.45, 0.28):
                continue
            middle = self.on_face([(side * 0.45, 0.28 - 0.05 * smile)])[0]
            self.canvas.glow(middle, (0.2, 0.15), BLUSH, strength)
            if smile > 0.15 and not self.looks.beard:
                fold = arc((side * 0.24, 0.24), (side * 0.43, 0.36), (side * 0.47, 0.56))
                colour = mixed(self.looks.skin, self.looks.shade, min(1.0, 1.6 * smile))
                self.canvas.line(self.on_face(fold), 0.025, colour)

    def lip_lines(self) -> tuple[Points, Points]:
        """The inner edges of the upper and the lower lip; one line when the mouth is closed."""
        looks, now = self.looks, self.now
        bend = now.smile + looks.mouth_rest
        reach = looks.mouth_width * (1 + 0.22 * now.smile - 0.16 * now.mouth_open)
        corner = 0.53 - 0.15 * bend
        middle = 0.53 + 0.06 * bend
        ends = (-reach, corner), (reach, corner)
        grin = 0.05 * max(now.smile - 0.35, 0)
        upper = arc(ends[0], (0, middle - 0.04 * now.mouth_open - grin), ends[1], 25)
        lower = arc(ends[0], (0, middle + 0.26 * now.mouth_open + 2 * grin), ends[1], 25)
        return upper, lower

    def mouth(self) -> None:
        upper, lower = self.lip_lines()
        taper = np.sin(np.linspace(0, np.pi, len(upper)))[:, None] ** 0.7
        dip = 1 - 0.45 * np.exp(-((np.linspace(-1, 1, len(upper))[:, None] / 0.16) ** 2))
        above = upper - (0, 0.065) * taper * dip
        below = lower + (0, 0.085) * taper
        self.canvas.polygon(self.on_face(np.concatenate([above, below[::-1]])), self.looks.lips)
        inside = np.concatenate([upper, lower[::-1]])
        gap = float((lower - upper)[:, 1].max())
        if gap > 0.02:
            self.canvas.polygon(self.on_face(inside), THROAT)
            self._teeth_and_tongue(upper, lower, gap)
        else:
            self.canvas.line(self.on_face(upper), 0.028, mixed(self.looks.lips, DARK, 0.6))

    def _teeth_and_tongue(self, upper: Points, lower: Points, gap: float) -> None:
        ends = slice(3, -3)
        teeth = np.minimum(upper + (0, 0.085), lower - (0, 0.008))
        row = np.concatenate([upper[ends], np.maximum(teeth, upper)[ends][::-1]])
        self.canvas.polygon(self.on_face(row), TEETH)
        if gap > 0.12:
            ends = slice(7, -7)
            tongue = np.maximum(lower - (0, 0.09), upper + (0, 0.1))
            back = np.concatenate([np.minimum(tongue, lower)[ends], lower[ends][::-1]])
            self.canvas.polygon(self.on_face(back), TONGUE)

    def beard(self) -> None:
        """Hair on jaw and upper lip, around the mouth."""
        strength = self.looks.beard
        colour = mixed(self.looks.skin, self.looks.hair_colour, strength)
        y = np.linspace(0.2, self.chin, 24)
        edge = np.stack([self.half_width(y) * 0.995, y], 1)
        chin = np.concatenate([edge, edge[::-1] * (-1, 1)])
        inner = arc((-0.62, 0.2), (0, 0.66), (0.62, 0.2))
        self.canvas.polygon(self.on_face(np.concatenate([chin, inner])), colour)
        upper, _ = self.lip_lines()
        lip = np.concatenate([upper * (1.12, 1), (upper * (0.9, 1) - (0, 0.13))[::-1]])
        self.canvas.polygon(self.on_face(lip), colour)

    def eye(self, side: int) -> None:
        looks, now = self.looks, self.now
        gap, size = looks.eye_gap, looks.eye_size
        wide = now.eye_open * (1 - now.blink)
        cheek = 0.035 * max(now.smile, 0)
        x = np.linspace(-1, 1, 21)
        arch = 1 - np.abs(x) ** 2.2
        upper = -0.05 - (0.02 + 0.15 * wide) * arch
        lower = -0.05 + (0.015 + 0.05 * wide - cheek * (wide > 0.2)) * arch
        lower = np.maximum(lower, upper + 0.004)
        across = side * gap + size * x
        lids = np.stack([across, upper], 1), np.stack([across, lower], 1)
        self.canvas.glow(self.on_face([(side * gap, -0.06)])[0], (0.26, 0.2), looks.shade, 0.3)
        self.canvas.polygon(self.on_face(np.concatenate([lids[0], lids[1][::-1]])), EYE_WHITE)
        if wide > 0.12:
            self._iris(side * gap, across, upper, lower)
        self.canvas.line(self.on_face(lids[0]), 0.04, DARK)
        self.canvas.line(self.on_face(lids[1]), 0.015, looks.shade)
        crease = lids[0] - (0, 0.05 + 0.02 * wide)
        self.canvas.line(self.on_face(crease[3:-3]), 0.018, looks.shade)

    def _iris(self, middle: float, across: Points, upper: Points, lower: Points) -> None:
        at = np.array([middle + 0.05 * self.now.gaze[0], -0.07 + 0.03 * self.now.gaze[1]])
        for radius, colour in ((0.085, DARK), (0.075, self.looks.iris), (0.036, (12, 10, 10))):
            ring = ellipse(at, (radius, radius), 28)
            low = np.interp(ring[:, 0], across, upper)
            high = np.interp(ring[:, 0], across, lower)
            ring[:, 1] = np.clip(ring[:, 1], low, high)
            self.canvas.polygon(self.on_face(ring), colour)
        if np.interp(at[0], across, upper) < at[1] - 0.045:
            self.canvas.disc(self.on_face([at + (0.025, -0.03)])[0], (0.02, 0.02), (255, 255, 255))

    def brow(self, side: int) -> None:
        looks, now = self.looks, self.now
        high = -0.31 - 0.10 * now.brow_raise
        frown = now.brow_frown + looks.brow_slant
        inner = (side * (looks.eye_gap - 0.17 - 0.02 * frown), high + 0.11 * frown)
        middle = (side * (looks.eye_gap + 0.03), high - 0.06 - 0.02 * now.brow_raise)
        outer = (side * (looks.eye_gap + 0.22), high + 0.03 - 0.03 * frown)
        ridge = arc(inner, middle, outer)
        thick = looks.brow_width * np.linspace(1.0, 0.35, len(ridge))[:, None] / 2
        shape = np.concatenate([ridge - (0, 1) * thick, (ridge + (0, 1) * thick)[::-1]])
        colour = mixed(looks.hair_colour, DARK, 0.35)
        self.canvas.polygon(self.on_face(shape), colour)
        if frown > 0.35:
            crease = arc(
                (side * 0.05, high + 0.0), (side * 0.045, high + 0.08), (side * 0.06, high + 0.15)
            )
            self.canvas.line(self.on_face(crease), 0.02, looks.shade)

    def nose(self) -> None:
        wide = 0.1 + 0.015 * max(self.now.smile, 0)
        tip = 0.26
        bridge = arc((0.05, -0.08), (0.075, 0.12), (wide, tip - 0.03))
        base = arc((wide, tip - 0.03), (0.0, tip + 0.05), (-wide, tip - 0.03))
        self.canvas.line(self.on_face(bridge), 0.02, self.looks.shade)
        self.canvas.line(self.on_face(base), 0.028, self.looks.shade)
        for side in (-1, 1):
            nostril = self.on_face([(side * 0.05, tip + 0.005)])[0]
            self.canvas.disc(nostril, (0.022, 0.014), mixed(self.looks.shade, DARK, 0.5))

    def glasses(self) -> None:
        gap, frame = self.looks.eye_gap, (40, 40, 52)
        for side in (-1, 1):
            if self.faces_us(side * gap, -0.05):
                rim = ellipse((side * gap, -0.04), (0.24, 0.19))
                self.canvas.line(self.on_face(np.concatenate([rim, rim[:1]])), 0.032, frame)
        self.canvas.line(
            self.on_face(arc((-gap + 0.23, -0.06), (0, -0.1), (gap - 0.23, -0.06))), 0.03, frame
        )

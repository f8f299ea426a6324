"""How a face looks, as numbers by which the same face is known again.

It is the colours of the face and of what is around it, and the texture of the aligned face: local
binary patterns, counted in cells of it (Ahonen et al., 2006). Both are histograms.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rjcma.vision.alignment import crop
from rjcma.vision.pictures import Pixels

Look = NDArray[np.float64]
"""(COLOURS + TEXTURES,), of length 1; the product of two looks says how alike they are, 0 to 1."""

BINS = 4  # of the colours, for each of red, green and blue (ours)
AROUND = np.array([-0.4, -0.5, 0.4, 0.8])  # of the box: what is looked at beyond it (ours)
PATCH = 24  # pixels, width and height of what the colours are of (ours)
FACE, CELLS = 64, 6  # pixels of the aligned face, and cells in each direction (ours)

_RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
_UNIFORM = [n for n in range(256) if (n ^ (n >> 1 | (n & 1) << 7)).bit_count() <= 2]
_PATTERNS = np.full(256, len(_UNIFORM))
_PATTERNS[_UNIFORM] = np.arange(len(_UNIFORM))
"""A number for each pattern with at most two changes around it, and one for all others."""

COLOURS, TEXTURES = BINS**3, CELLS**2 * (len(_UNIFORM) + 1)


def look_of(picture: Pixels, box: NDArray[np.float64], landmarks: NDArray[np.float64]) -> Look:
    """The look of a face with this box (x, y, width, height) and these landmarks (5, 2)."""
    parts = [_colours(picture, box), _textures(crop(picture, landmarks, FACE))]
    return np.concatenate([np.sqrt(part / part.sum() / 2) for part in parts])


def likeness(one: Look, other: Look) -> tuple[float, float]:
    """How alike two sums of looks are, 0 to 1: in all, and in colours alone."""
    return _cosine(one, other), _cosine(one[:COLOURS], other[:COLOURS])


def _cosine(one: Look, other: Look) -> float:
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def _colours(picture: Pixels, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """The colours in a face's box and around it, counted in BINS^3 bins."""
    height, width = picture.shape[:2]
    edges = np.concatenate([box[:2], box[:2] + box[2:]]) + AROUND * np.tile(box[2:], 2)
    left, right = np.clip(edges[[0, 2]], 0, width).astype(int)
    top, bottom = np.clip(edges[[1, 3]], 0, height).astype(int)
    if right <= left or bottom <= top:
        return np.ones(COLOURS)
    part = picture[top:bottom, left:right]
    patch = cv2.resize(part, (PATCH, PATCH), interpolation=cv2.INTER_AREA)
    shades = patch.reshape(-1, 3) / 255 * (BINS - 1)
    lower = np.minimum(shades.astype(int), BINS - 2)
    upper = shades - lower
    counts = np.zeros(COLOURS)
    for corner in np.ndindex(2, 2, 2):  # a pixel counts in the nearest bins, by its distances
        weights = np.where(corner, upper, 1 - upper).prod(1)
        counts += np.bincount((lower + corner) @ (BINS * BINS, BINS, 1), weights, COLOURS)
    return counts


def _textures(face: Pixels) -> NDArray[np.float64]:
    """The patterns in an aligned face, counted in each cell of it."""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    side = grey.shape[0] - 2
    middle = grey[1:-1, 1:-1]
    codes = np.zeros((side, side), np.int64)
    for bit, (y, x) in enumerate(_RING):
        codes |= (grey[y : y + side, x : x + side] >= middle).astype(np.int64) << bit
    cell = np.arange(side) * CELLS // side
    kinds = len(_UNIFORM) + 1
    numbers = (cell[:, None] * CELLS + cell) * kinds + _PATTERNS[codes]
    return np.bincount(numbers.ravel(), minlength=TEXTURES).astype(np.float64)

"""Align faces by five landmarks, as face recognition does.

The landmarks, in this order, are the eye that is left in the picture, the other eye, the tip of the
nose, the corner of the mouth that is left in the picture, and the other corner.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rjcma.vision.faces import resized
from rjcma.vision.pictures import Pixels

Floats = NDArray[np.float64]

SIDE = 112  # pixels
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""Where the landmarks are in a crop of 112 x 112 (ArcFace; Deng et al., 2019)."""

FINEST = 4  # a crop is cut at most at this many times its side, before it is reduced (ours)


def similarity(points: ArrayLike, onto: ArrayLike = TEMPLATE) -> Floats:
    """The least-squares map (2, 3) that scales, turns and shifts points (n, 2) onto others.

    >>> similarity([[0, 0], [2, 0], [0, 2]], [[1, 1], [1, 2], [0, 1]]).round(3).tolist()
    [[0.0, -0.5, 1.0], [0.5, 0.0, 1.0]]
    """
    z = np.asarray(points, np.float64) @ (1, 1j)
    w = np.asarray(onto, np.float64) @ (1, 1j)
    centred = z - z.mean()
    factor = (centred.conj() @ (w - w.mean())) / max((abs(centred) ** 2).sum(), 1e-12)
    shift = w.mean() - factor * z.mean()
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def applied(transform: Floats, points: ArrayLike) -> Floats:
    """The points (n, 2) where an affine map (2, 3) puts them."""
    return np.asarray(points, np.float64) @ transform[:, :2].T + transform[:, 2]


def crop(picture: Pixels, landmarks: Floats, size: int) -> Pixels:
    """The face at landmarks (5, 2), aligned: (size, size, 3); black beyond the picture's edges."""
    to_crop = similarity(landmarks)
    shrinking = 1 / max(np.hypot(*to_crop[:, 0]), 1e-6)
    fine = int(np.clip(round(shrinking), 1, FINEST))
    fine = max(fine, -(-size // SIDE))
    to_crop = to_crop * fine
    to_crop[:, 2] += (fine - 1) / 2  # coordinates are those of pixels' centres
    cut = cv2.warpAffine(picture, to_crop, (SIDE * fine, SIDE * fine), flags=cv2.INTER_LINEAR)
    return resized(np.asarray(cut, np.uint8), size)


def corners(landmarks: Floats) -> Floats:
    """The corners (4, 2) of the crop in the picture, clockwise from the upper left."""
    to_crop = similarity(landmarks)
    square = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]]) - 0.5
    return np.asarray((square - to_crop[:, 2]) @ np.linalg.inv(to_crop[:, :2]).T)

"""Faces by the Haar cascades of OpenCV's package, and landmarks by the eyes within them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rjcma.vision.alignment import TEMPLATE, applied, similarity
from rjcma.vision.pictures import Pixels
from rjcma.vision.settings import Haar
from rjcma.vision.tracks import VALUES, Detect, Faces

FACE, EYE = "haarcascade_frontalface_alt.xml", "haarcascade_eye_tree_eyeglasses.xml"
"""The cascade of faces with the fewest false ones on real clips, where all found about as many."""

STEP, NEIGHBOURS = 1.1, 3  # OpenCV's examples
SMALLEST = 0.08  # of the picture's shorter side: the smallest face (ours)
EYES = np.array([[0.315, 0.395], [0.685, 0.395]])
"""Where the eyes are in the cascade's box (ours: the mean of YuNet's on real clips)."""
WITHIN = 0.13  # of the box: how far from there an eye is looked for (ours)


def detector(_: Haar) -> Detect:
    """A function that finds faces. Their score is 1, and nose and mouth are where eyes tell."""
    folder = Path(cv2.__file__).parent / "data"
    faces = cv2.CascadeClassifier(str(folder / FACE))
    eyes = cv2.CascadeClassifier(str(folder / EYE))

    def detect(picture: Pixels) -> Faces:
        shades = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        grey = np.asarray(cv2.equalizeHist(shades), np.uint8)
        least = max(round(SMALLEST * min(grey.shape)), 20)
        boxes = faces.detectMultiScale(grey, STEP, NEIGHBOURS, minSize=(least, least))
        found = np.empty((len(boxes), VALUES))
        for row, box in zip(found, sorted(map(tuple, boxes))):
            row[:4] = box
            row[4:14] = _landmarks(grey, np.array(box), eyes).ravel()
            row[14] = 1.0
        return found

    return detect


def _landmarks(
    grey: NDArray[np.uint8], box: NDArray[np.int64], cascade: cv2.CascadeClassifier
) -> NDArray[np.float64]:
    """The template's landmarks (5, 2), placed by both eyes, or by the box."""
    (x, y), side = box[:2], box[2]
    expected = box[:2] + EYES * side
    top = grey[y : y + round(0.6 * side), x : x + side]
    least = max(round(0.12 * side), 8)
    seen = cascade.detectMultiScale(top, STEP, NEIGHBOURS, minSize=(least, least))
    centres = np.array([(x + a + w / 2, y + b + h / 2) for a, b, w, h in seen]).reshape(-1, 2)
    places = expected.copy()
    for number, place in enumerate(expected):
        distances = np.hypot(*(centres - place).T)
        if len(distances) and distances.min() <= WITHIN * side:
            places[number] = centres[distances.argmin()]
        else:
            places = expected
            break
    return applied(similarity(TEMPLATE[:2], places), TEMPLATE)

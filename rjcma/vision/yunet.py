"""Faces and their landmarks by YuNet, a small network that OpenCV runs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from rjcma.problem import Problem
from rjcma.vision.model import WHERE
from rjcma.vision.pictures import Pixels
from rjcma.vision.settings import YuNet
from rjcma.vision.tracks import VALUES, Detect, Faces

OVERLAP = 0.3  # of two boxes that are the same face (OpenCV's example)
MOST = 50  # faces in a picture (ours)


def detector(settings: YuNet) -> Detect:
    """A function that finds faces. Raises `Problem` for a file that is not the network's."""
    try:
        network = cv2.FaceDetectorYN.create(
            settings.model, "", (320, 320), settings.score, OVERLAP, MOST
        )
        network.detect(np.zeros((320, 320, 3), np.uint8))
    except cv2.error as error:
        raise Problem(
            file=Path(settings.model),
            found=f"a file that OpenCV cannot run as YuNet ({error.err or error.msg})",
            expected="YuNet's ONNX file",
            cure=f"replace it (faces.detector.model): {WHERE}",
        ) from None

    def detect(picture: Pixels) -> Faces:
        network.setInputSize((picture.shape[1], picture.shape[0]))
        found = network.detect(np.ascontiguousarray(picture[..., ::-1]))[1]
        return np.empty((0, VALUES)) if found is None else np.asarray(found, np.float64)

    return detect

"""The file of a detector's network: what identifies it, and whether it can be one."""

from __future__ import annotations

from pathlib import Path

from rjcma.jobs.digests import digest_file
from rjcma.jobs.recipe import Model
from rjcma.problem import Problem
from rjcma.vision.settings import Faces, YuNet

KEY = "faces.detector.model"

WHERE = (
    "get face_detection_yunet of the OpenCV Zoo (github.com/opencv/opencv_zoo, in"
    " models/face_detection_yunet; MIT)"
)

ONNX = b"\x08"
"""The first byte of an ONNX file: the field `ir_version`."""


def models(faces: Faces) -> dict[str, Model]:
    """The identity of the detector's model, by params key; empty if none is needed.

    For a file that is missing or no ONNX file, a `Problem` stands in place of the digest.
    """
    detector = faces.detector
    return {KEY: _identity(Path(detector.model))} if isinstance(detector, YuNet) else {}


def _identity(path: Path) -> Model:
    if path.is_file():
        with path.open("rb") as file:
            if file.read(1) == ONNX:
                return digest_file(path)
        found = "a file that is no ONNX file"
    else:
        found = "a folder" if path.is_dir() else "no such file"
    return Problem(
        file=path,
        found=found,
        expected=f"YuNet's ONNX file ({KEY})",
        cure=f"{WHERE}, set {KEY} to it; or set faces.detector to {{engine: haar}}, or to null",
    )

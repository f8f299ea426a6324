"""The detectors themselves, on the sample's drawn faces."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import drawn

from rjcma.problem import Problem
from rjcma.vision import haar, model, yunet
from rjcma.vision.alignment import corners
from rjcma.vision.settings import Faces, Haar, YuNet


@pytest.fixture(scope="module")
def network() -> str:
    folder = os.environ.get("RJCMA_SHARED")
    if not folder:
        pytest.skip("RJCMA_SHARED names no folder with YuNet's model")
    (path,) = (Path(folder) / "models").glob("face_detection_yunet*.onnx")
    return str(path)


@pytest.fixture(params=["haar", "yunet"])
def detect(request):
    if request.param == "haar":
        return haar.detector(Haar(engine="haar"))
    return yunet.detector(YuNet(engine="yunet", model=request.getfixturevalue("network")))


def test_a_drawn_face_is_found_at_its_place(detect):
    (face,) = detect(drawn((200, 130)))
    assert face[:2] + face[2:4] / 2 == pytest.approx((200, 135), abs=20)
    eyes = face[4:8].reshape(2, 2)
    expected = [(200 - 0.32 * 70 * 0.77, 120), (200 + 0.32 * 70 * 0.77, 120)]
    assert eyes == pytest.approx(np.array(expected), abs=14)
    square = corners(face[4:14].reshape(5, 2))
    assert square[0] == pytest.approx((130, 60), abs=35)
    assert square[2] == pytest.approx((270, 215), abs=35)


def test_nobody_is_found_in_an_empty_room(detect):
    assert detect(drawn()).shape == (0, 15)


def test_two_faces_are_two(network):
    detect = yunet.detector(YuNet(engine="yunet", model=network))
    assert len(detect(drawn((120, 130), (350, 130)))) == 2


def test_a_detectors_faces_are_the_same_with_any_number_of_threads(detect):
    found = []
    for threads in (1, 2, 4):
        cv2.setNumThreads(threads)
        found.append(detect(drawn((200, 130))))
    assert (found[0] == found[1]).all() and (found[0] == found[2]).all()


def test_a_missing_model_says_where_to_get_it(tmp_path):
    for path, found in {tmp_path / "none.onnx": "no such file", tmp_path: "a folder"}.items():
        faces = Faces.model_validate({"detector": {"engine": "yunet", "model": str(path)}})
        problem = model.models(faces)[model.KEY]
        assert isinstance(problem, Problem) and problem.found == found
        assert "github.com/opencv/opencv_zoo" in problem.cure
        assert "engine: haar" in problem.cure


def test_a_file_that_is_no_onnx_file_is_a_problem_before_anything_runs(tmp_path):
    (tmp_path / "model.onnx").write_text("<html>404</html>")
    detector = {"engine": "yunet", "model": str(tmp_path / "model.onnx")}
    problem = model.models(Faces.model_validate({"detector": detector}))[model.KEY]
    assert isinstance(problem, Problem) and "no ONNX file" in problem.found


@pytest.mark.parametrize("rest", [b"", b"\x07 and no network"])
def test_an_onnx_file_that_is_not_yunets_is_a_problem(tmp_path, rest):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08" + rest)
    with pytest.raises(Problem, match="cannot run as YuNet") as raised:
        yunet.detector(YuNet(engine="yunet", model=str(path)))
    assert len(str(raised.value).splitlines()) == 1


def test_a_model_is_known_by_its_content_and_other_detectors_have_none(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"\x08 a")
    detector = {"engine": "yunet", "model": str(tmp_path / "model.onnx")}
    before = model.models(Faces.model_validate({"detector": detector}))
    (tmp_path / "model.onnx").write_bytes(b"\x08 b")
    assert model.models(Faces.model_validate({"detector": detector})) != before
    for none in (None, {"engine": "haar"}):
        assert model.models(Faces.model_validate({"detector": none})) == {}

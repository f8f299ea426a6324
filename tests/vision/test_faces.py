from __future__ import annotations

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from rjcma import store
from rjcma.problem import Problem
from rjcma.vision import faces
from rjcma.vision.settings import Faces

SIZE = 5


def crop(path, colour, height=17, width=17):
    """A picture of one colour, given as RGB."""
    path.parent.mkdir(exist_ok=True)
    picture = np.full((height, width, 3), colour[::-1], np.uint8)
    assert cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return path


def colour_of(frame):
    """A different colour for each frame."""
    return (20 * frame, 255 - 20 * frame, 7 * frame)


def packed(tmp_path, frames, size=SIZE, folder="clip"):
    out = tmp_path / "clip.h5"
    faces.pack(size, folder and tmp_path / folder, frames, "clip", out)
    return store.FeatureReader(out, clip="clip", frames=frames)


def test_a_row_is_the_crop_of_its_frame_and_a_missing_file_is_no_face(tmp_path):
    for frame in (0, 1, 4, 6):
        crop(tmp_path / f"clip/{frame + 1:05}.jpg", colour_of(frame))
    feature = packed(tmp_path, 7)
    assert feature.rows.shape == (4, SIZE, SIZE, 3)
    assert feature.rows.dtype == np.uint8
    assert feature.index.tolist() == [0, 1, -1, -1, 2, -1, 3]
    values = feature.read(0, 7).astype(int)
    for frame in range(7):
        expected = colour_of(frame) if frame in (0, 1, 4, 6) else (0, 0, 0)
        assert np.abs(values[frame] - expected).max() <= 4  # what JPEG loses


def test_frames_are_in_the_order_of_numbers_not_of_names(tmp_path):
    names = {2: "3.jpg", 9: "10.jpg", 10: "0000011.jpg"}
    for frame, name in names.items():
        crop(tmp_path / "clip" / name, colour_of(frame))
    values = packed(tmp_path, 11).take([2, 9, 10]).astype(int)
    for value, frame in zip(values, names):
        assert np.abs(value - colour_of(frame)).max() <= 4


def test_crops_beyond_the_clips_frames_are_left_out(tmp_path):
    for frame in range(5):
        crop(tmp_path / f"clip/{frame + 1:05}.jpg", colour_of(frame))
    feature = packed(tmp_path, 3)
    assert feature.rows.shape[0] == 3
    assert feature.index.tolist() == [0, 1, 2]


def test_more_faces_than_a_block_are_written_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(faces, "BLOCK", 3)
    for frame in range(11):
        crop(tmp_path / f"clip/{frame + 1:05}.jpg", colour_of(frame))
    values = packed(tmp_path, 11).read(0, 11).astype(int)
    assert np.abs(values.mean((1, 2)) - [colour_of(frame) for frame in range(11)]).max() <= 4


@pytest.mark.parametrize("folder", [None, "empty"])
def test_a_clip_without_crops_has_no_rows(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    feature = packed(tmp_path, 7, folder=folder)
    assert feature.rows.shape == (0, SIZE, SIZE, 3)
    assert feature.index.tolist() == [-1] * 7
    assert not feature.read(0, 7).any()


def test_a_shrinking_face_is_the_mean_over_areas():
    picture = np.random.default_rng(2).integers(0, 256, (14, 21, 3)).astype(np.uint8)
    means = picture.reshape(7, 2, 7, 3, 3).mean((1, 3))
    assert np.abs(faces.resized(picture, 7) - means).max() <= 0.5


def test_a_growing_face_stays_within_its_values():
    picture = np.zeros((3, 3, 3), np.uint8)
    picture[:, 2] = 200
    grown = faces.resized(picture, 11)
    assert grown.shape == (11, 11, 3)
    assert (np.diff(grown[0, :, 0].astype(int)) >= 0).all()
    assert (grown[0, 0, 0], grown[0, -1, 0]) == (0, 200)


def test_a_face_of_the_stored_size_is_stored_as_it_is(tmp_path):
    picture = np.random.default_rng(3).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    (tmp_path / "clip").mkdir()
    cv2.imwrite(str(tmp_path / "clip/00001.png"), picture[..., ::-1])
    assert (packed(tmp_path, 1).read(0, 1)[0] == picture).all()


def test_a_grey_crop_becomes_rgb(tmp_path):
    (tmp_path / "clip").mkdir()
    cv2.imwrite(str(tmp_path / "clip/00001.jpg"), np.full((13, 13), 99, np.uint8))
    assert packed(tmp_path, 1).read(0, 1).tolist() == np.full((1, SIZE, SIZE, 3), 99).tolist()


@pytest.mark.parametrize("name", ["00002.JPG", "00002.jpeg", "00002.png"])
def test_other_endings_are_read_and_other_files_are_not(tmp_path, name):
    crop(tmp_path / "clip" / name, (9, 9, 9))
    (tmp_path / "clip/.00001.jpg").write_bytes(b"a hidden file")
    (tmp_path / "clip/Thumbs.db").write_bytes(b"no picture")
    assert packed(tmp_path, 3).index.tolist() == [-1, 0, -1]


def test_every_run_writes_the_same_bytes(tmp_path):
    for frame in range(3):
        crop(tmp_path / f"clip/{frame + 1:05}.jpg", colour_of(frame))
    contents = [packed(tmp_path, 4).path.read_bytes() for _ in range(2)]
    assert contents[0] == contents[1]


def refused(tmp_path, frames=7):
    with pytest.raises(Problem) as caught:
        faces.pack(SIZE, tmp_path / "clip", frames, "the_clip", tmp_path / "out.h5")
    assert caught.value.clip == "the_clip"
    return caught.value


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.9, -2, -1])
def test_a_jpeg_that_is_cut_off_is_a_problem(tmp_path, keep):
    path = tmp_path / "clip/00003.jpg"
    crop(path, (3, 5, 7))
    noise = np.random.default_rng(1).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    cv2.imwrite(str(path), noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    problem = refused(tmp_path)
    assert problem.file == str(path)
    assert problem.found.startswith(("an empty file", "a picture cut off", "no picture"))
    assert "delete it" in problem.cure


def test_the_end_of_a_thumbnail_is_not_the_pictures_end(tmp_path):
    path = crop(tmp_path / "clip/00001.jpg", (3, 5, 7), 40, 40)
    content = path.read_bytes()
    segment = b"\xff\xe1" + (2 + len(content)).to_bytes(2, "big") + content
    whole = content[:2] + segment + content[2:]
    path.write_bytes(whole)
    assert packed(tmp_path, 1).index.tolist() == [0]
    path.write_bytes(whole[:-20])
    assert refused(tmp_path).found.startswith("a picture cut off")


def test_bytes_after_a_jpegs_end_do_no_harm(tmp_path):
    path = crop(tmp_path / "clip/00001.jpg", (3, 5, 7))
    path.write_bytes(path.read_bytes() + b"\0" * 33)
    assert packed(tmp_path, 1).index.tolist() == [0]


def test_a_png_that_is_cut_off_is_a_problem(tmp_path):
    path = crop(tmp_path / "clip/00001.png", (3, 5, 7))
    path.write_bytes(path.read_bytes()[:-15])
    assert refused(tmp_path).found.startswith("a picture cut off")


def test_text_named_as_a_jpeg_is_a_problem(tmp_path):
    path = crop(tmp_path / "clip/00002.jpg", (3, 5, 7))
    path.write_text("no picture at all")
    assert refused(tmp_path).found == "no picture that can be decoded"


@pytest.mark.parametrize("name", ["00000.jpg", "face.jpg", "-1.jpg", "1.5.jpg", "²³.jpg"])
def test_a_name_that_is_not_a_frames_number_is_a_problem(tmp_path, name):
    crop(tmp_path / "clip" / name, (3, 5, 7))
    assert refused(tmp_path).found == f"a crop named {name}"


def test_two_crops_of_one_frame_are_a_problem(tmp_path):
    crop(tmp_path / "clip/00002.jpg", (3, 5, 7))
    crop(tmp_path / "clip/2.png", (3, 5, 7))
    assert refused(tmp_path).found == "00002.jpg and 2.png, two crops of one frame"


def test_a_folder_that_has_gone_is_a_problem(tmp_path):
    assert refused(tmp_path).found == "no such folder"


def test_the_size_is_the_released_codes_unless_said_and_never_impossible():
    assert Faces().size == 48
    for wrong in (0, -48, 4800):
        with pytest.raises(ValidationError):
            Faces(size=wrong)

"""The pictures of a clip's page: faces in sheets, and the spectrogram in tiles."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma import store
from rjcma.pages import strips
from rjcma.store import FeatureReader


def faces(path, there, side=16) -> FeatureReader:
    """A file of faces: that of frame k is of one colour, by which it is known."""
    kept = np.flatnonzero(there)
    crops = np.empty((len(kept), side, side, 3), np.uint8)
    crops[...] = np.stack([kept % 200 + 20, 255 - kept % 200, kept % 7 * 30], 1)[:, None, None]
    store.write(path, crops, np.where(there, np.cumsum(there) - 1, -1))
    return FeatureReader(path, clip="anna", frames=len(there))


def colour(sheets: strips.Sheets, place: int) -> np.ndarray:
    """The colour (RGB) at the middle of a face in the sheets."""
    number, inside = divmod(place, strips.COLUMNS * strips.ROWS)
    picture = cv2.imdecode(np.frombuffer(sheets.pictures[number], np.uint8), cv2.IMREAD_COLOR)
    columns = picture.shape[1] // sheets.side
    row, column = divmod(inside, columns)
    half = sheets.side // 2
    middle = picture[row * sheets.side + half, column * sheets.side + half]
    return middle[::-1].astype(int)


@pytest.mark.parametrize("frames", [1, 30, 5000])
def test_the_sheets_hold_the_face_of_each_frame_that_is_kept(tmp_path, frames):
    there = np.arange(frames) % 11 != 3
    reader = faces(tmp_path / "anna.h5", there)
    sheets = strips.faces(reader, fps=25)
    assert there[sheets.kept].all() and (np.diff(sheets.kept) > 0).all()
    assert np.diff(sheets.kept).max(initial=0) <= 2 * 25 / strips.FACES_HZ
    for place in {0, len(sheets.kept) // 2, len(sheets.kept) - 1}:
        expected = reader.take(sheets.kept[[place]])[0, 8, 8].astype(int)
        assert np.abs(colour(sheets, place) - expected).max() <= 12  # JPEG


def test_of_a_clip_without_faces_there_is_no_picture(tmp_path):
    sheets = strips.faces(faces(tmp_path / "anna.h5", np.zeros(9, bool)), fps=25)
    assert (len(sheets.kept), sheets.pictures, sheets.missing) == (0, [], [(0, 9)])


def test_of_a_long_clip_a_limited_number_of_faces_is_kept(tmp_path):
    frames = 40 * strips.MOST_FACES
    rows, index = np.zeros((1, 4, 4, 3), np.uint8), np.zeros(frames, int)
    store.write(tmp_path / "anna.h5", rows, index)
    sheets = strips.faces(FeatureReader(tmp_path / "anna.h5", clip="anna", frames=frames), fps=30)
    assert strips.MOST_FACES / 2 < len(sheets.kept) <= strips.MOST_FACES


@given(st.lists(st.booleans(), max_size=40))
def test_stretches_are_where_it_is_true(values):
    found = strips.stretches(np.array(values, bool))
    inside = {k for first, stop in found for k in range(first, stop)}
    assert inside == {k for k, value in enumerate(values) if value}
    assert all(b < c for (_, b), (c, _) in itertools.pairwise(found))


@pytest.mark.parametrize(("rows", "begins"), [(300, 0.0), (9000, 0.0), (700, 4.0)])
def test_the_tiles_cover_the_clip_and_show_what_is_loud(tmp_path, rows, begins):
    spectrum = np.full((rows, 64), strips.SILENCE, np.float32)
    spectrum[100:140, 10:20] = 1.0  # a tone from the first second on
    frames = (rows - 96) * 25 // 100
    index = np.rint(np.arange(frames) * 4).astype(np.int32)
    store.write(tmp_path / "anna.h5", spectrum, index)
    reader = FeatureReader(tmp_path / "anna.h5", clip="anna", frames=frames, span=96)
    times = begins + np.arange(frames) / 25
    tiles = list(strips.sound(reader, times))
    assert tiles[0].start == begins and tiles[-1].stop >= times[-1]
    assert all(a.stop == pytest.approx(b.start) for a, b in itertools.pairwise(tiles))
    picture = cv2.imdecode(np.frombuffer(tiles[0].picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    loud = picture[63 - 15, 120], picture[63 - 40, 120], picture[63 - 15, 60]
    assert loud[0] > 200 and max(loud[1:]) < 40

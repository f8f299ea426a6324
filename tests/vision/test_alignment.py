"""Alignment: landmarks come to the template's places, whatever the face's size and tilt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma.vision.alignment import SIDE, TEMPLATE, applied, crop, similarity


def turned(angle, scale, shift):
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


@given(st.floats(-3, 3), st.floats(0.1, 9), st.floats(-500, 500), st.floats(-500, 500))
@settings(max_examples=50, deadline=None)
def test_the_map_of_exact_points_is_found(angle, scale, x, y):
    there = turned(angle, scale, (x, y))
    points = applied(there, TEMPLATE)
    assert applied(similarity(points), points) == pytest.approx(TEMPLATE, abs=1e-6)


def test_the_map_of_other_points_is_that_of_least_squares():
    points = TEMPLATE * 1.7 + np.random.default_rng(5).normal(0, 4, (5, 2))

    # The map [a, -b, x; b, a, y] is linear in a, b, x and y.
    rows = [[[px, -py, 1, 0], [py, px, 0, 1]] for px, py in points]
    a, b, x, y = np.linalg.lstsq(np.array(rows).reshape(10, 4), TEMPLATE.ravel(), rcond=None)[0]
    assert similarity(points) == pytest.approx(np.array([[a, -b, x], [b, a, y]]))


def dotted(transform, width=400, height=300):
    """A picture with a dot at each landmark, and the landmarks (5, 2)."""
    points = applied(transform, TEMPLATE)
    picture = np.zeros((height, width, 3), np.uint8)
    radius = np.hypot(*transform[:, 0]) * 3
    for x, y in points:
        where = (round(x * 16), round(y * 16))
        cv2.circle(picture, where, round(radius * 16), (255, 255, 255), -1, cv2.LINE_AA, 4)
    return picture, points


@pytest.mark.parametrize("size", [48, 112, 168])
@pytest.mark.parametrize(("angle", "scale"), [(0, 1), (0.5, 0.7), (-0.4, 1.9), (0.1, 2.4)])
def test_landmarks_come_to_the_templates_places(size, angle, scale):
    there = turned(angle, scale, (0, 0))
    there[:, 2] = (200, 150) - applied(there, [[56, 70]])[0]
    picture, points = dotted(there)
    face = crop(picture, points, size)
    assert face.shape == (size, size, 3)
    expected = (TEMPLATE + 0.5) * size / SIDE - 0.5
    for x, y in expected:
        columns, rows = np.meshgrid(np.arange(size), np.arange(size))
        near = np.hypot(columns - x, rows - y) < 7 * size / SIDE
        light = face[..., 0] * near
        found = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
        assert found == pytest.approx((x, y), abs=0.35)


def test_a_large_face_is_averaged_not_sampled():
    picture = np.indices((600, 600)).sum(0) % 2 * np.uint8(255)
    picture = np.repeat(picture[..., None].astype(np.uint8), 3, axis=2)
    face = crop(picture, applied(turned(0, 4, (70, 70)), TEMPLATE), 48)
    assert np.abs(face.astype(int) - 127).max() <= 4


def test_beyond_the_pictures_edge_it_is_black():
    picture = np.full((100, 100, 3), 200, np.uint8)
    face = crop(picture, TEMPLATE - (60, 0), SIDE)  # so the crop begins 60 pixels left of it
    assert not face[:, :59].any()
    assert (face[5:95, 61:] == 200).all()

"""Drawn faces, measured by their pixels."""

import numpy as np
import pytest
from drawn_people import LOOKS

from rjcma.sample.acting import expression_of, expressions_at
from rjcma.sample.canvas import Canvas, arc, ellipse
from rjcma.sample.looks import Expression
from rjcma.sample.portrait import CROP_SIZE, THROAT, crop, draw_person
from rjcma.sample.state import State

WIDTH, HEIGHT, HALF_HEIGHT = 340, 300, 100
CENTRE = (WIDTH / 2, 130)
LEVELS = (-0.9, -0.4, 0.1, 0.5, 0.9)


def drawn(expression):
    """A picture, and the placement of its face."""
    room = np.full((2 * HEIGHT, 2 * WIDTH, 3), 190, np.uint8)
    canvas = Canvas(room)
    place = draw_person(canvas, LOOKS, expression, CENTRE, HALF_HEIGHT)
    return canvas.picture(), place


def part(expression, left, top, right, bottom):
    """A part of the picture, given in the head's coordinates."""
    picture, _ = drawn(expression)
    columns, rows = (
        slice(*(round(CENTRE[axis] + HALF_HEIGHT * at) for at in ends))
        for axis, ends in enumerate([(left, right), (top, bottom)])
    )
    return picture[rows, columns].astype(float)


def unlike_skin(pixels):
    return np.abs(pixels - LOOKS.skin).sum(-1) > 90


def bend(expression):
    """How much higher the mouth is at its corners than in its middle, in pixels."""
    mouth = unlike_skin(part(expression, -0.45, 0.33, 0.45, 0.85))
    columns = np.flatnonzero(mouth.any(0))
    height = [np.flatnonzero(mouth[:, column]).mean() for column in columns]
    return np.polyfit((columns - columns.mean()) / (np.ptp(columns) / 2), height, 2)[0] * -1


def bright_pixels(expression):
    """The number of pixels in the whites of both eyes."""
    return (part(expression, -0.6, -0.3, 0.6, 0.12).min(-1) > 225).sum()


def brow_height(expression):
    """The height of the upper edge of a brow's middle, in pixels."""
    strip = unlike_skin(part(expression, 0.27, -0.53, 0.43, -0.23))
    return -np.flatnonzero(strip.any(1)).min()


def test_the_mouth_bends_up_with_valence():
    bends = [bend(expression_of(valence, 0.0)) for valence in LEVELS]
    assert bends == sorted(bends)
    assert bends[0] < -8 < 8 < bends[-1]


def test_eyes_open_and_brows_rise_with_arousal():
    whites = [bright_pixels(expression_of(0.0, arousal)) for arousal in LEVELS]
    heights = [brow_height(expression_of(0.0, arousal)) for arousal in LEVELS]
    assert whites == sorted(whites)
    assert whites[-1] > 3 * whites[0]
    assert heights == sorted(heights)
    assert heights[-1] > heights[0] + 8


def test_inner_ends_of_brows_go_down_in_anger_and_up_in_sorrow():
    def slant(expression):
        brow = unlike_skin(part(expression, 0.13, -0.56, 0.54, -0.24))
        inner, outer = brow[:, :14], brow[:, -14:]
        return np.argwhere(inner)[:, 0].mean() - np.argwhere(outer)[:, 0].mean()

    angry, sorry = (Expression(brow_frown=frown) for frown in (0.9, -0.9))
    assert slant(angry) > slant(Expression()) + 4 > slant(sorry) + 8


def test_speech_opens_the_mouth():
    def throat(voice):
        mouth = part(expression_of(0.0, 0.0, voice), -0.4, 0.3, 0.4, 1.0)
        return (np.abs(mouth - THROAT).sum(-1) < 40).sum()

    opened = [throat(voice) for voice in (0.0, 0.3, 0.6, 1.0)]
    assert opened[0] == 0
    assert opened == sorted(set(opened))


def test_a_crop_is_upright_and_of_one_size_wherever_the_head_is():
    at_rest = crop(*drawn(Expression()))
    moved = Expression(tilt=0.2, shift=(0.15, -0.1))
    followed = crop(*drawn(moved))
    picture, _ = drawn(moved)
    left_behind = crop(picture, drawn(Expression())[1])
    face = np.s_[30:100, 30:82]
    assert at_rest.shape == (CROP_SIZE, CROP_SIZE, 3)
    assert difference(at_rest[face], followed[face]) < 6
    assert difference(at_rest[face], left_behind[face]) > 20


def difference(one, other):
    return np.abs(one.astype(float) - other).mean()


@pytest.mark.parametrize("hidden", [Expression(turn=2.5), Expression(covered=1.0)])
def test_nothing_of_a_face_shows_when_it_is_turned_away_or_covered(hidden):
    assert bright_pixels(Expression()) > 40
    assert bright_pixels(hidden) < 5
    assert not hidden.visible
    assert Expression(turn=0.3, covered=0.1).visible


def test_a_face_is_away_and_covered_when_the_script_says_so():
    times = np.arange(0, 11, 0.04)
    still = State(np.zeros_like, np.zeros_like)
    silent = np.zeros(len(times))
    rng = np.random.default_rng(7)
    acts = expressions_at(rng, still, times, silent, away=[(2.0, 4.0)], covered=[(7.0, 9.0)])
    hidden = times[[not act.visible for act in acts]]
    assert ((hidden > 2) & (hidden < 4) | (hidden > 7) & (hidden < 9)).all()
    for start, end in ((2.3, 3.7), (7.3, 8.7)):
        within = (times > start) & (times < end)
        assert not any(act.visible for act, inside in zip(acts, within) if inside)


def test_people_blink_and_move_more_when_aroused():
    times = np.arange(0, 23, 0.04)

    def acts(arousal):
        state = State(np.zeros_like, lambda times: np.full_like(times, arousal))
        return expressions_at(np.random.default_rng(3), state, times, np.zeros(len(times)))

    calm, wild = acts(-0.9), acts(0.9)
    assert max(act.blink for act in calm) > 0.7
    assert np.mean([act.blink > 0 for act in calm]) < 0.2
    assert np.std([act.turn for act in wild]) > 1.5 * np.std([act.turn for act in calm])


def test_shapes_are_where_they_are_said_to_be():
    canvas = Canvas(np.zeros((46, 62, 3), np.uint8))
    canvas.polygon([(6.5, 4.5), (20.5, 4.5), (20.5, 14.5), (6.5, 14.5)], (255, 255, 255))
    lit = canvas.picture()[..., 0] / 255
    assert lit[5:15, 7:21].min() > 0.99
    assert abs(lit.sum() - 14 * 10) < 20
    assert canvas.picture().shape == (23, 31, 3)


def test_an_ellipse_and_an_arc_pass_through_their_points():
    ring = ellipse((3, 5), (2, 1), 4)
    assert np.allclose(ring, [(5, 5), (3, 6), (1, 5), (3, 4)])
    points = arc((0, 0), (1, 2), (2, 0), 5)
    assert np.allclose(points, [(0, 0), (0.5, 1.5), (1, 2), (1.5, 1.5), (2, 0)])

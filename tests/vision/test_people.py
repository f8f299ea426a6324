"""Who is chosen of the people in a picture."""

from __future__ import annotations

import numpy as np
import pytest

from rjcma.vision.alignment import SIDE, TEMPLATE
from rjcma.vision.people import choose, from_left, joined
from rjcma.vision.tracks import VALUES, Track

FPS, WIDTH = 10, 300
RNG = np.random.default_rng(7)
LOOKS = {name: RNG.random(len(Track().looks)) ** 8 for name in "abc"}


def track(who, start, stop, x, side=50.0, scene=0, moving=1.0):
    """A person's face at x, which may be a function of the frame."""
    made = Track(scene=scene)
    for frame in range(start, stop):
        left = x(frame) if callable(x) else x
        points = TEMPLATE * side / SIDE + (left, 40)
        points[2, 0] += moving * np.sin(frame)
        made.frames.append(frame)
        made.values.extend([left, 40, side, side, *points.ravel(), 0.9])
        made.looks += LOOKS[who]
    return made


def spans(person):
    return [each.span for each in person.tracks]


def test_without_a_face_nobody_is_chosen():
    choice = choose([], None, FPS, WIDTH)
    assert choice.person is None and choice.people == [] and choice.why == "no face was found"


def test_tracks_that_look_alike_are_one_persons_and_those_at_one_time_are_two_peoples():
    tracks = [track("a", 0, 20, 10), track("a", 30, 50, 200, scene=1), track("b", 25, 60, 90)]
    people = joined(tracks)
    assert [spans(person) for person in people] == [[(0, 20), (30, 50)], [(25, 60)]]
    both = joined([track("a", 0, 20, 10), track("a", 19, 40, 200)])
    assert [spans(person) for person in both] == [[(19, 40)], [(0, 20)]]


def test_a_place_joins_tracks_in_one_scene_only():
    def mixed(start, stop, scene):
        made = track("a", start, stop, 50, scene=scene)
        norms = [np.linalg.norm(LOOKS[name]) for name in "ab"]
        made.looks = 2.2 * LOOKS["a"] / norms[0] + LOOKS["b"] / norms[1]
        return made

    for scene, people in ((0, 1), (1, 2)):
        assert len(joined([track("a", 0, 20, 50), mixed(25, 40, scene)])) == people


def test_sides_are_told_while_both_are_seen():
    # a goes far to the left after b has left.
    tracks = [track("a", 0, 60, lambda k: 200 if k < 20 else 10), track("b", 0, 20, 90)]
    ordered = from_left(joined(tracks))
    assert [person.tracks[0].looks is tracks[1].looks for person in ordered] == [True, False]
    assert choose(tracks, "left", FPS, WIDTH).person.tracks[0] is tracks[1]
    assert choose(tracks, "right", FPS, WIDTH).person.tracks[0] is tracks[0]


def test_somebody_who_passes_by_is_counted_by_no_number():
    tracks = [track("c", 5, 8, 10), track("a", 0, 60, 90), track("b", 0, 50, 200)]
    assert choose(tracks, 1, FPS, WIDTH).person.tracks[0] is tracks[1]
    assert choose(tracks, 2, FPS, WIDTH).person.tracks[0] is tracks[2]
    assert choose(tracks, 3, FPS, WIDTH).person is None


@pytest.mark.parametrize(("x", "side"), [(20, "left"), (230, "right")])
def test_a_single_person_is_on_one_side_only(x, side):
    tracks = [track("a", 0, 60, x)]
    other = {"left": "right", "right": "left"}[side]
    assert choose(tracks, side, FPS, WIDTH).person is not None
    assert choose(tracks, other, FPS, WIDTH).person is None


@pytest.mark.parametrize(("seen", "chosen"), [(40, "speaker"), (20, "poster")])
def test_a_still_face_yields_to_one_that_moves_if_this_is_seen_rather_often(seen, chosen):
    poster = track("a", 0, 60, 20, moving=0.05)
    speaker = track("b", 0, seen, 150)
    expected = {"speaker": speaker, "poster": poster}[chosen]
    choice = choose([poster, speaker], None, FPS, WIDTH)
    assert choice.person.tracks == [expected]
    assert ("passed over as still: 1" in choice.why) == (chosen == "speaker")


def test_landmarks_that_are_only_placed_tell_nothing_of_stillness():
    placed = track("a", 0, 60, 20, moving=0.0)
    assert choose([placed, track("b", 0, 40, 150)], None, FPS, WIDTH).person.tracks == [placed]


def test_of_two_who_are_seen_equally_often_the_larger_is_chosen():
    near, far = track("a", 0, 60, 20, side=80), track("b", 0, 60, 200, side=40)
    assert choose([far, near], None, FPS, WIDTH).person.tracks == [near]
    assert len(near.values) == 60 * VALUES

"""Overlays: every frame at its time, the picture as it was, and the panel that shows its values."""

from __future__ import annotations

from fractions import Fraction

import films
import numpy as np
import pytest
from predicted_clips import GREY, clip, decoded, heard, predicted, video

from rjcma.predict.overlay import Layout, clock, overlay
from rjcma.predict.paint import ACCENT, TARGETS
from rjcma.problem import Problem
from rjcma.speech.words import Word

WIDTH, HEIGHT = 480, 270


def grey(value=GREY, width=WIDTH, height=HEIGHT):
    return np.full((height, width, 3), value, np.uint8)


def near(pictures, colour, within=60):
    """Where a picture has about a colour."""
    return np.abs(np.asarray(pictures, int) - colour).max(-1) < within


def made(tmp_path, frames=6, words=(), boxes=None, **other):
    of = clip(frames=frames, sound=False)
    source = video(tmp_path / "film.mkv", [grey()] * frames, np.arange(frames) / 10)
    overlay(predicted(source, of, words=words, boxes=boxes, **other), tmp_path / "out.mp4")
    return decoded(tmp_path / "out.mp4")


def test_a_film_has_every_frame_at_its_own_time(tmp_path):
    times = (0.0, 0.04, 0.09, 0.35, 0.39, 0.8)
    source = video(tmp_path / "a.mkv", [grey(20 + 30 * k) for k in range(6)], times)
    of = clip(frames=6, fps=5 / 0.8, times=times, sound=False)
    overlay(predicted(source, of), tmp_path / "out.mp4")
    pictures, found = decoded(tmp_path / "out.mp4")
    assert found == pytest.approx(times, abs=1e-4)
    shades = [picture[:HEIGHT].mean() for picture in pictures]
    assert shades == pytest.approx([20 + 30 * k for k in range(6)], abs=3)


def test_a_stretch_begins_at_0_with_its_own_sound(tmp_path):
    frames, rate_hz = 20, 8000
    tone = np.where(np.arange(2 * rate_hz) // (rate_hz // 10) == 14, 0.6, 0.0)[None]
    shades = [grey(200 if k == 14 else 40) for k in range(frames)]
    source = video(tmp_path / "a.mkv", shades, np.arange(frames) / 10, tone, rate_hz=rate_hz)
    of = clip(frames=8, first=10, decoded=20, stretch=True)
    overlay(predicted(source, of), tmp_path / "out.mp4")
    pictures, found = decoded(tmp_path / "out.mp4")
    assert len(pictures) == 8 and found[0] == 0
    assert int(np.argmax([p[:HEIGHT].mean() for p in pictures])) == 4
    samples, rate, start = heard(tmp_path / "out.mp4")
    loud = np.flatnonzero(np.abs(samples[0]) > 0.2)
    assert start + loud[0] / rate == pytest.approx(0.4, abs=0.02)


def test_a_box_is_drawn_where_the_face_is_and_only_there(tmp_path):
    boxes = np.full((6, 4), np.nan, np.float32)
    boxes[2] = (100, 60, 80, 90)
    pictures, _ = made(tmp_path, boxes=boxes)
    rows, columns = np.nonzero(near(pictures[2][:HEIGHT], ACCENT))
    edges = (columns.min(), rows.min(), columns.max(), rows.max())
    assert edges == pytest.approx((100, 60, 180, 150), abs=4)
    for frame in (0, 1, 3):
        assert np.abs(pictures[frame][:HEIGHT].astype(int) - GREY).max() < 12


def test_a_box_fits_a_picture_that_is_enlarged_or_reduced(tmp_path):
    for width, height, scale in ((120, 200, 3.0), (2400, 100, 0.8)):
        box = np.array([[20, 30, 60, 50]], np.float32)
        source = video(tmp_path / "a.mkv", [grey(GREY, width, height)], [0.0])
        overlay(predicted(source, clip(frames=1, sound=False), boxes=box), tmp_path / "out.mp4")
        picture = decoded(tmp_path / "out.mp4")[0][0][: round(height * scale)]
        rows, columns = np.nonzero(near(picture, ACCENT))
        edges = (columns.min(), rows.min(), columns.max(), rows.max())
        expected = [scale * edge for edge in (20, 30, 80, 80)]
        assert edges == pytest.approx(expected, abs=5)


def test_the_dot_is_at_the_values_of_its_frame(tmp_path):
    path = [(-0.5, -0.5), (0.5, 0.5), (0.5, -0.5)]
    valence, arousal = ([[point[axis] for point in path]] for axis in (0, 1))
    source = video(tmp_path / "a.mkv", [grey()] * 3, [0, 5, 10])
    of = clip(frames=3, times=(0.0, 5.0, 10.0), fps=0.2, sound=False)
    overlay(predicted(source, of, {"valence": valence, "arousal": arousal}), tmp_path / "out.mp4")
    dots = []
    layout = Layout.of((WIDTH, HEIGHT))
    for picture in decoded(tmp_path / "out.mp4")[0]:
        dial = picture[HEIGHT:, : layout.margin + layout.side]
        rows, columns = np.nonzero(near(dial, ACCENT))
        dots.append((columns.mean(), rows.mean()))
    (x0, y0), (x1, y1), (x2, y2) = dots
    assert (x1, y2) == pytest.approx((x2, y0), abs=2)
    assert x1 - x0 == pytest.approx(y0 - y1, abs=2) and x1 - x0 > 0.3 * layout.side


def test_the_spoken_word_is_lit_while_it_is_spoken(tmp_path):
    words = [Word("one", 0.1, 0.3, 1.0), Word("two", 0.3, 0.5, 1.0)]
    pictures, _ = made(tmp_path, frames=7, words=words)
    layout = Layout.of((WIDTH, HEIGHT))
    row = [picture[HEIGHT : HEIGHT + layout.caption] for picture in pictures]
    lit = [np.nonzero(near(each, ACCENT))[1] for each in row]
    assert [bool(len(each)) for each in lit] == [False, True, True, True, True, False, False]
    assert lit[1].max() < lit[3].min()


def test_a_trace_rolls_to_the_left(tmp_path):
    step = np.repeat([-0.8, 0.8], 20)
    of = clip(frames=40, sound=False)
    source = video(tmp_path / "a.mkv", [grey()] * 40, np.arange(40) / 10)
    overlay(predicted(source, of, {n: [step] for n in TARGETS}), tmp_path / "out.mp4")
    pictures = decoded(tmp_path / "out.mp4")[0]
    layout = Layout.of((WIDTH, HEIGHT))
    left = layout.side + 2 * layout.margin
    columns = []
    for frame in (22, 30, 38):
        strip = pictures[frame][HEIGHT + layout.caption :, left:-40]
        high = near(strip[: layout.side // 3], TARGETS["valence"], 50).sum(0)
        columns.append(np.flatnonzero(high)[np.flatnonzero(high) > 70].min())
    assert columns[0] > columns[1] > columns[2]
    assert columns[0] - columns[1] == pytest.approx(columns[1] - columns[2], abs=3)


@pytest.mark.parametrize(
    "targets", [("valence",), ("engagement", "warmth"), ("arousal", "valence", "dominance", "x")]
)
def test_any_targets_are_drawn(tmp_path, targets):
    pictures, _ = made(tmp_path, frames=2, ranges=dict.fromkeys(targets, (0.0, 5.0)))
    assert pictures[0][HEIGHT:].std() > 5


def test_each_of_several_people_has_a_box_of_another_colour(tmp_path):
    source = video(tmp_path / "a.mkv", [grey()] * 2, [0.0, 0.1])
    people = []
    for number, left in enumerate((50, 300)):
        of = clip(f"film_{number}", frames=2, sound=False, person=("left", "right")[number])
        box = np.tile(np.array([left, 60, 90, 90], np.float32), (2, 1))
        people.append(predicted(source, of, boxes=box))
    overlay(people, tmp_path / "out.mp4")
    picture = decoded(tmp_path / "out.mp4")[0][0][:HEIGHT]
    gold, blue = (np.nonzero(near(picture, c, 50))[1] for c in (ACCENT, TARGETS["valence"]))
    assert gold.max() < 200 < 290 < blue.min()


@pytest.mark.parametrize(("width", "height"), [(361, 641), (480, 271), (1, 1), (2000, 3)])
def test_pictures_of_any_size_become_a_film_of_even_size(width, height):
    size = Layout.of((width, height)).size
    assert size[0] % 2 == size[1] % 2 == 0 and 360 <= size[0] <= 1922


def test_a_turned_video_of_oblong_pixels_is_seen_upright(tmp_path):
    blob = films.picture(("red", 40, 24), width=320, height=240)
    source = films.write(
        tmp_path / "a.mp4",
        [blob] * 2,
        codec="libx264",
        pixels="yuv420p",
        rotation=90,
        aspect=Fraction(2),
    )
    overlay(predicted(source, clip(frames=2, sound=False)), tmp_path / "out.mp4")
    picture = decoded(tmp_path / "out.mp4")[0][0]
    assert picture.shape[1] == 360  # 240 x 640 as seen, enlarged
    red = near(picture[:960], films.COLOURS["red"])
    rows, columns = np.nonzero(red)
    assert (columns.mean() / 360, rows.mean() / 960) == pytest.approx(
        (24 / 240, 1 - 1 / 8), abs=0.02
    )


def test_a_video_that_cannot_be_read_is_a_problem(tmp_path):
    (tmp_path / "a.mkv").write_text("no video")
    with pytest.raises(Problem, match="a file that cannot be opened"):
        overlay(predicted(tmp_path / "a.mkv", clip()), tmp_path / "out.mp4")
    assert not list(tmp_path.glob("*.mp4*"))


def test_a_path_that_cannot_be_written_is_a_problem(tmp_path):
    source = video(tmp_path / "a.mkv", [grey()], [0.0])
    (tmp_path / "folder").mkdir()
    with pytest.raises(Problem) as caught:
        overlay(predicted(source, clip(frames=1, sound=False)), tmp_path / "folder")
    assert caught.value.file == str(tmp_path / "folder")


def test_times_are_shown_to_a_tenth():
    assert [clock(t) for t in (0, 59.999, 0.3, 7325.5)] == [
        "0:00.0",
        "0:59.9",
        "0:00.3",
        "2:02:05.5",
    ]


def test_the_same_prediction_gives_the_same_bytes(tmp_path):
    source = video(tmp_path / "a.mkv", [grey(20 * k) for k in range(5)], np.arange(5) / 10)
    of = predicted(source, clip(frames=5, sound=False), words=[Word("hello", 0.1, 0.3, 1.0)])
    for name in ("one.mp4", "two.mp4"):
        overlay(of, tmp_path / name)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_a_dot_is_hollow_and_the_trace_shaded_while_no_face_is_seen(tmp_path):
    boxes = np.full((6, 4), np.nan, np.float32)
    boxes[3:] = (100, 60, 80, 90)
    pictures, _ = made(tmp_path, boxes=boxes)
    layout = Layout.of((WIDTH, HEIGHT))
    dials = [picture[HEIGHT:, : layout.margin + layout.side] for picture in pictures]
    gold = [near(dial, ACCENT, 40).sum() for dial in dials]
    assert gold[1] < 0.8 * gold[4]
    names = slice(layout.caption, layout.caption + 16)
    corners = [dial[names, layout.side // 6 : layout.side // 6 + 60] for dial in dials]
    assert corners[1].max() > corners[4].max() + 30


def test_of_several_people_only_those_who_are_seen_have_a_dot_and_values(tmp_path):
    source = video(tmp_path / "a.mkv", [grey()] * 4, np.arange(4) / 10)
    people = []
    for number in range(6):
        boxes = np.full((4, 4), np.nan, np.float32)
        boxes[number % 2 :: 2] = (20 + 60 * number, 60, 40, 40)
        values = {name: [[number / 6] * 4] for name in TARGETS}
        of = clip(f"film_{number}", frames=4, sound=False, person=number + 1)
        people.append(predicted(source, of, values, boxes=boxes))
    overlay(people, tmp_path / "out.mp4")
    layout = Layout.of((WIDTH, HEIGHT))
    for frame, picture in enumerate(decoded(tmp_path / "out.mp4")[0]):
        dial = picture[HEIGHT + layout.caption :, : layout.margin + layout.side]
        first, second = ACCENT, TARGETS["valence"]  # of the first two people
        assert near(dial, first, 40).any() == (frame % 2 == 0)
        assert near(dial, second, 40).any() == (frame % 2 == 1)

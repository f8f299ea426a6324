"""The picture of a predicted clip: readable for a frame and for hours, the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from predicted_clips import clip, predicted

from rjcma.predict import trace
from rjcma.problem import Problem
from rjcma.scoring.style import COLOURS
from rjcma.speech.words import Word

FILM = Path("/film.mkv")


def drawn(tmp_path, of, name="a.png"):
    trace.draw(of, tmp_path / name)
    return cv2.imread(str(tmp_path / name), cv2.IMREAD_COLOR_RGB)


def near(picture, colour, within=40):
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return np.abs(picture.astype(int) - wanted).max(axis=2) < within


def wave(frames, fps=25.0):
    t = np.arange(frames) / fps
    return {name: [0.8 * np.sin(t), 0.8 * np.sin(t) + 0.1] for name in ("valence", "arousal")}


@pytest.mark.parametrize("frames", [1, 2, 60_000])
def test_clips_of_any_length_have_a_panel_for_each_target(tmp_path, frames):
    of = predicted(FILM, clip(frames=frames, fps=25.0), wave(frames))
    picture = drawn(tmp_path, of)
    assert 1800 <= picture.shape[1] <= 4800
    rows = [np.flatnonzero(near(picture, COLOURS[name]).any(axis=1)) for name in COLOURS]
    assert rows[0].max() < rows[1].min()


def test_a_value_is_as_high_as_it_is_in_its_range(tmp_path):
    heights = []
    for value in (0.0, 50.0, 100.0):
        of = predicted(
            FILM,
            clip(frames=50, fps=25.0),
            {"valence": [[value] * 50]},
            ranges={"valence": (0.0, 100.0)},
        )
        middle = near(drawn(tmp_path, of), COLOURS["valence"])[:, 400:1400]
        heights.append(np.flatnonzero(middle.mean(axis=1) > 0.9).mean())
    assert heights[0] > heights[1] > heights[2]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=2)


def test_short_extremes_of_a_long_clip_are_not_lost(tmp_path):
    values = np.zeros(400_000)
    values[200_000] = 0.95
    long, ranges = clip(frames=400_000, fps=25.0), {"valence": (-1.0, 1.0)}
    one, other = (
        drawn(tmp_path, predicted(FILM, long, {"valence": [each]}, ranges=ranges))
        for each in (values, 0 * values)
    )
    assert np.abs(one.astype(int) - other).max(axis=2).any(axis=1).sum() > 50


def test_all_panels_of_three_hours_have_the_same_marks_and_no_time_is_cut_off(tmp_path):
    frames = 3 * 3600 * 25
    picture = drawn(tmp_path, predicted(FILM, clip(frames=frames, fps=25.0), wave(frames)))
    dark = picture.max(axis=2) < 200
    below = [trace.TOP + place * (trace.PANEL + trace.GAP) + trace.PANEL for place in (0, 1)]
    rows = [trace.SHARP * (y + 2) for y in (*below, picture.shape[0] // trace.SHARP - trace.BOTTOM)]
    marks = [np.flatnonzero(dark[row]) for row in rows]
    assert all(np.array_equal(each, marks[0]) for each in marks)
    assert (np.diff(marks[0]) > 1).sum() == 12  # every 15 minutes, both ends included
    assert not dark[:, -2:].any()


def test_frames_without_a_face_are_shaded(tmp_path):
    boxes = np.ones((100, 4), np.float32)
    boxes[25:50] = np.nan
    of = predicted(FILM, clip(frames=100, fps=25.0), wave(100), boxes=boxes)
    shaded = near(drawn(tmp_path, of), "#ececec", 6)[120:300]
    columns = np.flatnonzero(shaded.mean(axis=0) > 0.4)
    inner = 1800 - 2 * (trace.LEFT + trace.RIGHT)
    expected = [2 * trace.LEFT + inner * share for share in (0.25, 0.5)]
    assert [columns.min(), columns.max()] == pytest.approx(expected, abs=4)
    whole = of._replace(boxes=np.ones((100, 4), np.float32))
    assert not near(drawn(tmp_path, whole), "#ececec", 6)[120:300, 700].any()


def test_words_are_written_if_they_have_room_else_bars_show_speech(tmp_path):
    few = [Word("hello", k, k + 0.5, 1.0) for k in range(4)]
    many = [Word("hello", k / 4, k / 4 + 0.2, 1.0) for k in range(4 * 300)]
    short = drawn(tmp_path, predicted(FILM, clip(frames=100, fps=25.0), wave(100), words=few))
    long = drawn(tmp_path, predicted(FILM, clip(frames=7500, fps=25.0), wave(7500), words=many))
    panels = trace.TOP + 2 * (trace.PANEL + trace.GAP) + trace.BOTTOM
    assert short.shape[0] == 2 * (panels + trace.ROW)
    assert long.shape[0] == 2 * (panels + trace.SPEECH)


@pytest.mark.parametrize("text", ["$x_1$ & <b>", "\\alpha", "été", "שלום", "\u4eca\u5929"])
def test_words_of_any_script_are_shown_as_they_are(tmp_path, text, recwarn):
    def written(text):
        words = [Word(text, 0.1, 0.5, 1.0)]
        return predicted(FILM, clip("a$b_{", frames=25, fps=25.0), wave(25), words=words)

    one, other = drawn(tmp_path, written(text)), drawn(tmp_path, written("\u2009"))
    assert (one[-140:].astype(int) != other[-140:]).any()
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_the_same_prediction_gives_the_same_bytes(tmp_path):
    of = predicted(FILM, clip(frames=50), words=[Word("hello", 1, 2, 1.0)])
    for name in ("one.png", "two.png"):
        trace.draw(of, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_path_that_cannot_be_written_is_a_problem(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem) as caught:
        trace.draw(predicted(FILM, clip()), tmp_path / "file" / "a.png")
    assert "file" in str(caught.value)

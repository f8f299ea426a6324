"""The picture of a stretch: words that do not overlap, faces at their times, visible gaps."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread

from rjcma import store
from rjcma.problem import Problem
from rjcma.scoring import scene as picture
from rjcma.scoring.scene import Scene, stagger
from rjcma.scoring.trace_plots import Trace
from rjcma.speech.words import Word

FPS, FRAMES = 10, 97


def trace(frames: int = FRAMES) -> Trace:
    times = np.arange(frames) / FPS
    truth = np.stack([np.sin(times), np.cos(times)], axis=1)
    truth[31:53] = np.nan
    return Trace("anna", "fold 0", times, ("valence", "arousal"), np.full((frames, 2), 0.25), truth)


def scene(folder: Path, words=(), index=None, frames: int = FRAMES, **stretch) -> Scene:
    crops = np.zeros((frames, 5, 5, 3), np.uint8)
    crops[..., 0] = np.arange(frames)[:, None, None] * 2  # red shows the frame's number
    store.write(folder / "anna.h5", crops, np.arange(frames) if index is None else index)
    reader = store.FeatureReader(folder / "anna.h5", clip="anna", frames=frames)
    return Scene.of(trace(frames), reader, words, **stretch)


def drawn(scene: Scene, path: Path) -> np.ndarray:
    """The picture's pixels, (height, width, 3) in 0 to 255."""
    picture.draw(scene, path)
    return (imread(path)[..., :3] * 255).round()


def face_row(pixels: np.ndarray) -> np.ndarray:
    return pixels[(picture.TOP + picture.FACE // 2) * picture.SHARP]


spoken = st.lists(
    st.tuples(st.floats(0, 10), st.floats(0.02, 2), st.floats(0.1, 3)), min_size=1, max_size=23
)


@given(spoken)
@settings(deadline=None)
def test_no_two_words_of_a_row_overlap(entries):
    entries = sorted(entries)
    words = [Word(str(n), start, start + length, 1) for n, (start, length, _) in enumerate(entries)]
    placed = stagger(words, [width for *_, width in entries], 0, 10)
    assert [word.word for word in placed] == words
    for row in {word.row for word in placed}:
        ends = 0.0
        for (_, left, own), (*_, width) in zip(placed, entries):
            if own == row:
                assert left >= ends
                ends = left + width


@given(spoken)
@settings(deadline=None)
def test_texts_stay_on_the_axis(entries):
    words = [Word("a", start, start + length, 1) for start, length, _ in sorted(entries)]
    for word, (*_, width) in zip(
        stagger(words, [w for *_, w in sorted(entries)], 0, 10), sorted(entries)
    ):
        assert word.left >= 0
        assert word.left + width <= 10 + 1e-9


def test_words_with_enough_space_are_in_one_row_at_their_times():
    words = [Word("one", 0.5, 0.7, 1), Word("two", 1.5, 1.8, 1), Word("three", 3.0, 3.4, 1)]
    assert [(p.left, p.row) for p in stagger(words, [0.9] * 3, 0, 5)] == [
        (0.5, 0),
        (1.5, 0),
        (3, 0),
    ]


def test_a_face_is_that_of_the_frame_at_the_middle_of_its_square(tmp_path):
    pixels = face_row(drawn(scene(tmp_path, start=0.0, end=9.1), tmp_path / "a.png"))
    count = (picture.WIDTH - picture.LEFT - picture.RIGHT) // picture.FACE
    middles = (np.arange(count) + 0.5) / count  # of the stretch
    width = picture.WIDTH - picture.LEFT - picture.RIGHT
    at = ((picture.LEFT + middles * width) * picture.SHARP).astype(int)
    np.testing.assert_allclose(pixels[at, 0], 2 * np.floor(middles * 9.1 * FPS), atol=1)
    np.testing.assert_array_equal(pixels[at, 1], 0)


def test_a_frame_without_a_face_is_shown_as_such_and_not_as_black(tmp_path):
    index = np.full(FRAMES, -1)
    pixels = drawn(scene(tmp_path, index=index), tmp_path / "a.png")
    strip = pixels[(picture.TOP + 5) * picture.SHARP, picture.LEFT * picture.SHARP + 20 :]
    assert strip.min() > 200


def test_a_stretch_without_words_and_labels_is_drawn_too(tmp_path):
    shown = scene(tmp_path)
    unlabelled = shown.trace._replace(truth=np.full((FRAMES, 2), np.nan))
    picture.draw(shown._replace(trace=unlabelled), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_words_change_the_picture_and_more_rows_make_it_higher(tmp_path):
    few = [Word("hello", 1.0, 1.4, 1)]
    many = [Word("incomprehensibilities", 1 + n / 10, 1.05 + n / 10, 1) for n in range(5)]
    heights = [len(drawn(scene(tmp_path, words), tmp_path / "a.png")) for words in ([], few, many)]
    assert heights[0] == heights[1]
    assert heights[2] == heights[1] + 4 * picture.ROW * picture.SHARP


def test_a_picture_does_not_depend_on_matplotlibs_settings(tmp_path):
    words = [Word("$x_1$", 1.0, 1.4, 1)]
    picture.draw(scene(tmp_path, words), tmp_path / "a.png")
    with mpl.rc_context({"font.size": 23, "axes.facecolor": "pink", "savefig.dpi": 31}):
        picture.draw(scene(tmp_path, words), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_eight_seconds_are_shown_by_default(tmp_path):
    assert scene(tmp_path, start=2.0)[3:] == (2.0, 9.6)  # the clip's last frame
    assert scene(tmp_path, frames=211, start=3.0)[3:] == (3.0, 11.0)
    assert scene(tmp_path, start=2.0, end=5.0)[3:] == (2.0, 5.0)


@pytest.mark.parametrize(
    "start, end", [(5.0, 5.0), (6.0, 5.0), (-1.0, 5.0), (0.0, 31.0), (20.0, None)]
)
def test_a_stretch_outside_the_clip_is_a_problem(tmp_path, start, end):
    with pytest.raises(Problem, match=r"clip anna: found a stretch from .* within 0 to 9\.60 sec"):
        scene(tmp_path, start=start, end=end)

"""Faces of one's own videos: found by several threads, kept, and cut as stage `faces` cuts them."""

from __future__ import annotations

from pathlib import Path

import clips
import films
import h5py
import numpy as np
import pytest
from films import FPS, HEIGHT, WIDTH, picture

from rjcma.predict import looking, seen
from rjcma.predict.ahead import follow_ahead, in_order, in_thread
from rjcma.problem import Problem
from rjcma.vision.finding import Stretch, find, follow, opened

SIZE = 16
FRAMES = 23


def two_people(k: int):
    """A red blob that goes to the right, seen but for three frames, and a green one that stays."""
    red = [] if 9 <= k < 12 else [("red", 30 + k, 40, 12, 1.5 * (k % 3))]
    return [*red, ("green", 120, 60, 9, 1.5 * (k % 2))]


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("films") / "two.mkv"
    return films.write(path, (picture(*two_people(k)) for k in range(FRAMES)))


def record(person=None):
    return clips.clip("two", FRAMES, fps=FPS, person=person)


def looked_at(film, settings, out: Path, threads: int = 2) -> Path:
    looking.look(settings, film, record(), threads, out)
    return out


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_finds_what_one_finds(film, every, threads):
    settings = films.settings(SIZE, every=every)
    stretch = Stretch(film, "two", 0, FRAMES, FPS)
    alone = follow(stretch, settings, opened(settings))
    ahead = follow_ahead(stretch, settings, threads)
    assert (ahead.frames, ahead.size) == (alone.frames, alone.size) == (FRAMES, (WIDTH, HEIGHT))
    assert len(ahead.tracks) == len(alone.tracks) > 1
    for one, other in zip(ahead.tracks, alone.tracks):
        assert one.frames == other.frames and one.values == other.values
        assert (one.looks == other.looks).all() and one.scene == other.scene


def test_tracks_are_read_as_they_were_written(film, tmp_path):
    settings = films.settings(SIZE)
    whole = follow(Stretch(film, "two", 0, FRAMES, FPS), settings, opened(settings))
    seen.write(tmp_path / "two.h5", whole)
    again = seen.read(tmp_path / "two.h5")
    assert (again.frames, again.size) == (whole.frames, whole.size)
    for one, other in zip(again.tracks, whole.tracks, strict=True):
        assert one.frames == other.frames and one.values == other.values
        assert (one.looks == other.looks).all() and one.scene == other.scene


def test_a_video_in_which_nobody_is_seen_has_no_tracks(tmp_path):
    empty = films.write(tmp_path / "empty.mkv", (picture() for _ in range(4)))
    looking.look(films.settings(SIZE), empty, clips.clip("e", 4, fps=FPS), 2, tmp_path / "e.h5")
    assert seen.read(tmp_path / "e.h5").tracks == []
    assert looking.people(tmp_path / "e.h5", FPS) == 0
    looking.cut(
        SIZE, empty, clips.clip("e", 4, fps=FPS), tmp_path / "e.h5", 2, tmp_path / "crops.h5"
    )
    with h5py.File(tmp_path / "crops.h5") as file:
        assert file["rows"].shape == (0, SIZE, SIZE, 3) and (file["index"][...] == -1).all()
        assert np.isnan(file["boxes"][...]).all()


@pytest.mark.parametrize("person", [None, "left", "right", 1, 2])
def test_crops_are_the_bytes_that_the_stage_makes(film, tmp_path, person):
    settings = films.settings(SIZE)
    tracks = looked_at(film, settings, tmp_path / "tracks.h5")
    looking.cut(SIZE, film, record(person), tracks, 3, tmp_path / "ours.h5")
    find(settings, film, record(person), tmp_path / "stage.h5")
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "stage.h5") as stage:
        for name in ("rows", "index"):
            assert (ours[name][...] == stage[name][...]).all()
        assert ours.attrs["found"] == stage.attrs["found"]
    noted = looking.found(tmp_path / "ours.h5")
    assert noted["frames"] > 0 and noted["people"] == 2


def test_boxes_lie_on_the_person_and_are_missing_where_the_crop_is(film, tmp_path):
    tracks = looked_at(film, films.settings(SIZE), tmp_path / "tracks.h5")
    for person, x, y, radius in (("left", None, 40, 12), ("right", 120, 60, 9)):
        looking.cut(SIZE, film, record(person), tracks, 1, tmp_path / f"{person}.h5")
        with h5py.File(tmp_path / f"{person}.h5") as file:
            boxes, index = file["boxes"][...], file["index"][...]
        assert (np.isnan(boxes[:, 0]) == (index < 0)).all()
        middles = boxes[:, :2] + boxes[:, 2:] / 2
        for k in np.flatnonzero(index >= 0):
            expected = (30 + k if x is None else x, y)
            assert middles[k] == pytest.approx(expected, abs=1.5)
            assert boxes[k, 2:] == pytest.approx((2 * radius, 2 * radius), abs=3)


def test_people_are_counted_as_they_can_be_chosen(film, tmp_path):
    tracks = looked_at(film, films.settings(SIZE), tmp_path / "tracks.h5")
    assert looking.people(tracks, FPS) == 2


def test_a_video_turned_by_its_metadata_has_boxes_in_the_turned_picture(tmp_path):
    drawn = (picture(("red", 40, 30 + k)) for k in range(5))
    turned = films.write(
        tmp_path / "turned.mp4",
        drawn,
        codec="mpeg4",
        pixels="yuv420p",
        rotation=90,
        options={"qscale": "2"},
    )
    clip = clips.clip("turned", 5, fps=FPS)
    looking.look(films.settings(SIZE), turned, clip, 2, tmp_path / "tracks.h5")
    assert seen.read(tmp_path / "tracks.h5").size == (HEIGHT, WIDTH)
    looking.cut(SIZE, turned, clip, tmp_path / "tracks.h5", 1, tmp_path / "crops.h5")
    with h5py.File(tmp_path / "crops.h5") as file:
        boxes = file["boxes"][...]
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    # Turned by 90 degrees to the left: x of the picture is y of the stored one.
    assert middles[:, 0] == pytest.approx(30 + np.arange(5), abs=2)
    assert middles[:, 1] == pytest.approx(np.full(5, WIDTH - 40), abs=2)


def test_an_error_in_a_thread_is_the_callers(tmp_path):
    (tmp_path / "none.mp4").write_bytes(b"")
    with pytest.raises(Problem, match=r"none\.mp4"):
        looking.look(
            films.settings(SIZE),
            tmp_path / "none.mp4",
            clips.clip("none", 4, fps=FPS),
            2,
            tmp_path / "none.h5",
        )


def test_items_from_a_thread_are_the_same_and_few_are_made_ahead():
    made = []

    def items():
        for k in range(20):
            made.append(k)
            yield k

    for taken, item in enumerate(in_thread(items(), 3)):
        assert item == taken and len(made) <= taken + 1 + 3
    assert made == list(range(20))


def test_results_of_threads_are_in_the_order_of_the_calls():
    calls = ((k, 2) for k in range(30))
    assert list(in_order(pow, calls, 4)) == [k**2 for k in range(30)]

"""Faces found in whole videos: followed, chosen, cut out and written; blobs stand for faces."""

from __future__ import annotations

import gc
import weakref

import clips
import cv2
import films
import numpy as np
import pytest
from films import FPS, picture

from rjcma import store
from rjcma.vision import finding, tracks
from rjcma.vision.finding import Stretch, find, follow, opened

SIZE = 16


def film(tmp_path, frames, name="film.mkv"):
    """A video of these frames, each a list of blobs or a whole picture."""
    drawn = (each if isinstance(each, np.ndarray) else picture(*each) for each in frames)
    return films.write(tmp_path / name, drawn)


def found(tmp_path, frames, *, settings=None, person=None, first=0, count=None):
    """The store file of a clip of these frames."""
    video, out = film(tmp_path, frames), tmp_path / "clip.h5"
    count = len(frames) - first if count is None else count
    clip = clips.clip("clip", count, fps=FPS, first=first, person=person)
    find(settings or films.settings(SIZE), video, clip, out)
    return store.FeatureReader(out, clip="clip", frames=count)


def shades(feature):
    """For each frame, the channel that is strongest in its crop's middle; -1 if it has none."""
    values = feature.read(0, feature.frames).astype(int)[:, 5:11, 5:11]
    means = values.mean((1, 2))
    return [int(m.argmax()) if i >= 0 else -1 for m, i in zip(means, feature.index)]


def red(k=0, x=50.0, shift=0.0):
    return ("red", x + k, 50, 12, shift)


def test_every_frame_with_a_face_has_its_crop_and_a_longer_gap_is_black(tmp_path):
    frames = [[red(k)] if k not in range(5, 12) else [] for k in range(20)]
    feature = found(tmp_path, frames)
    assert shades(feature) == [0] * 5 + [-1] * 7 + [0] * 8
    assert feature.rows.shape == (13, SIZE, SIZE, 3)
    assert not feature.read(5, 12).any()


@pytest.mark.parametrize(("missing", "bridged"), [(2, True), (3, False)])
def test_a_gap_as_long_as_the_bridge_is_filled_by_what_is_seen_there(tmp_path, missing, bridged):
    # While the blob is white, the detector does not see it.
    frames = []
    for k in range(20):
        drawn = picture(red(2 * k, 30))
        if 8 <= k < 8 + missing:
            drawn[drawn[..., 0] > 150] = 255
        frames.append(drawn)
    feature = found(tmp_path, frames, settings=films.settings(SIZE, bridge=0.2))
    index = feature.index[8 : 8 + missing]
    assert (index >= 0).all() == bridged and (index >= 0).any() == bridged
    if bridged:
        middle = feature.read(8, 8 + missing)[:, 6:10, 9:11].astype(int)
        assert middle.min() > 200  # where the blob must be by then


def test_frames_beyond_the_videos_end_have_no_face(tmp_path):
    feature = found(tmp_path, [[red(k)] for k in range(6)], count=9)
    assert feature.index.tolist() == [0, 1, 2, 3, 4, 5, -1, -1, -1]


def test_a_clip_that_is_a_stretch_has_the_faces_of_its_frames(tmp_path):
    def blob(k):
        return [("red", 40 + 2 * k, 50)] if k < 9 else [("green", 70 + 2 * k, 50)]

    frames = [blob(k) for k in range(20)]
    assert shades(found(tmp_path, frames, first=7, count=6)) == [-1, -1, 1, 1, 1, 1]
    assert shades(found(tmp_path, frames, first=4, count=7)) == [0, 0, 0, 0, 0, -1, -1]


def test_the_person_who_is_seen_most_is_chosen_also_across_a_cut(tmp_path):
    def frame(k):
        if 8 <= k < 14:  # another scene, with somebody else
            return picture(("green", 60, 40), grey=200)
        return picture(red(k % 3))

    feature = found(tmp_path, [frame(k) for k in range(24)])
    assert shades(feature) == [0] * 8 + [-1] * 6 + [0] * 10


def test_a_track_does_not_go_over_a_cut_to_somebody_at_the_same_place(tmp_path):
    def frame(k):
        return picture(("green", 50, 50), grey=220) if k >= 9 else picture(red())

    video = film(tmp_path, [frame(k) for k in range(20)])
    settings = films.settings()
    seen = follow(Stretch(video, "clip", 0, 99, FPS), settings, opened(settings))
    assert [track.span for track in seen.tracks] == [(0, 9), (9, 20)]
    assert [track.scene for track in seen.tracks] == [0, 1]


def two(k):
    """Red is left at first; they change sides at the end, and green leaves for a while."""
    left, right = (45, 110) if k < 20 else (110, 45)
    meeting = [45, 57, 69, 81, 93, 105] if 17 <= k < 23 else None
    x = meeting[k - 17] if meeting else left
    y = 155 - meeting[k - 17] if meeting else right
    blobs = [("red", x, 30 if meeting else 50, 9)]
    return blobs if 5 <= k < 10 else [*blobs, ("green", y, 70 if meeting else 50, 9)]


@pytest.mark.parametrize(
    ("person", "channel"), [("left", 0), ("right", 1), (1, 0), (2, 1), (None, 0)]
)
def test_sides_are_those_where_people_mostly_are(tmp_path, person, channel):
    frames = [two(k) for k in range(26)]
    assert set(shades(found(tmp_path, frames, person=person))) - {-1} == {channel}


@pytest.mark.parametrize("person", [3, "right"])
def test_a_person_who_is_not_there_has_no_faces_and_that_is_noted(tmp_path, person):
    feature = found(tmp_path, [[red(k)] for k in range(6)], person=person)
    assert feature.rows.shape == (0, SIZE, SIZE, 3) and feature.index.tolist() == [-1] * 6
    noted = feature.rows.file.attrs["found"].decode()
    assert '"frames": 0' in noted and ("of 1" in noted or "on the left" in noted)


def test_a_still_face_is_passed_over_for_one_that_moves(tmp_path):
    def frame(k):
        poster = ("green", 120, 30, 20, 4.0)
        return [poster, ("red", 40, 60, 12, 3 * np.sin(k))] if k < 14 else [poster]

    assert set(shades(found(tmp_path, [frame(k) for k in range(20)]))) == {0, -1}
    alone = found(tmp_path, [[("green", 120, 30, 20, 4.0)]] * 20)
    assert shades(alone) == [1] * 20


@pytest.mark.parametrize("every", [3, 5])
def test_faces_between_those_looked_for_are_interpolated(tmp_path, every, monkeypatch):
    frames = [[red(2 * k, 30)] if k < 17 else [] for k in range(20)]
    looked = []
    asked = films.detector

    def counting(settings):
        detect = asked(settings)

        def count(pixels):
            looked.append(pixels)
            return detect(pixels)

        return count

    each = found(tmp_path, frames).read(0, 15).astype(int)
    monkeypatch.setattr(films, "detector", counting)
    feature = found(tmp_path, frames, settings=films.settings(SIZE, every=every))
    assert len(looked) == len(range(0, 20, every)) + 1  # and in the last frame
    assert (feature.index[:15] >= 0).all() and (feature.index[18:] == -1).all()
    assert np.abs(feature.read(0, 15).astype(int) - each).mean() < 3


def test_with_gaps_in_looking_a_cut_is_still_found_to_the_frame(tmp_path):
    def frame(k):
        return picture(("green", 90, 40), grey=200) if k >= 8 else picture(red())

    frames = [frame(k) for k in range(20)]
    feature = found(tmp_path, frames, settings=films.settings(SIZE, every=5))
    assert shades(feature) == [-1] * 8 + [1] * 12


def test_a_large_picture_is_reduced_to_look_and_cut_at_full_size(tmp_path):
    frames = [picture(("red", 200, 150, 40), width=480, height=288)] * 3
    crops = {}
    for pixels in (120, 640):
        crops[pixels] = found(tmp_path, frames, settings=films.settings(48, pixels=pixels))
    a, b = (crops[pixels].read(0, 3).astype(int) for pixels in crops)
    assert np.abs(a - b).mean() < 5
    edges = np.abs(np.diff(a[0, 24, :, 0])).max()
    assert edges > 100  # as sharp as the full picture


def test_same_inputs_give_same_bytes_with_any_number_of_threads(tmp_path):
    contents = []
    for threads in (1, 2, 4):
        cv2.setNumThreads(threads)
        contents.append(found(tmp_path, [two(k) for k in range(12)]).path.read_bytes())
    assert contents[0] == contents[1] == contents[2]


def test_only_a_few_pictures_are_kept_however_long_the_video_is(tmp_path, monkeypatch):
    references, most = [], []

    def watching(settings):
        detect = found_by(settings)

        def watched(pixels):
            references.append(weakref.ref(pixels))
            gc.collect()
            most.append(sum(reference() is not None for reference in references))
            return detect(pixels)

        return watched

    found_by = films.detector
    monkeypatch.setattr(films, "detector", watching)
    monkeypatch.setattr(finding, "BLOCK", 7)
    feature = found(tmp_path, [[red(k % 9)] for k in range(60)])
    assert feature.rows.shape[0] == 60
    assert len(most) == 60 and max(most) <= 3
    assert shades(feature) == [0] * 60


def test_a_face_keeps_its_track_when_another_one_crosses(tmp_path):
    frames = [[("red", 30 + 5 * k, 44, 10), ("blue", 130 - 5 * k, 56, 10)] for k in range(20)]
    video, settings = film(tmp_path, frames), films.settings()
    seen = follow(Stretch(video, "clip", 0, 99, FPS), settings, opened(settings))
    for track in seen.tracks:
        steps = np.diff(track.every_frame()[:, 0])
        assert (steps > 0).all() or (steps < 0).all()
    assert sum(len(track.frames) for track in seen.tracks) >= 36


def test_tracks_interpolate_linearly():
    track = tracks.Track()
    for frame, x in ((3, 10.0), (7, 30.0)):
        track.frames.append(frame)
        track.values.extend([x, *range(1, tracks.VALUES)])
    assert track.span == (3, 8)
    assert track.every_frame()[:, 0].tolist() == [10, 15, 20, 25, 30]
    assert track.every_frame()[2, 1:].tolist() == list(range(1, tracks.VALUES))

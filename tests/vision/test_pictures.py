"""Pictures of a video: counted as the index counts, upright, of square pixels, not interlaced."""

from __future__ import annotations

from fractions import Fraction

import av
import films
import numpy as np
import pytest
from corpus_builder import video

from rjcma.corpus.video import probe
from rjcma.problem import Problem
from rjcma.vision.pictures import pictures

MANY = 10**6


def shown(path, first=0, count=MANY, longest=None):
    return [each.pixels(longest) for each in pictures(path, "clip", first, count)]


def centre(picture, channel=0):
    """Where the blob of a channel's colour is, (x, y), as a share of the picture."""
    others = np.delete(picture, channel, axis=2).max(2).astype(int)
    rows, columns = np.nonzero(picture[..., channel] - others > 70)
    return columns.mean() / picture.shape[1], rows.mean() / picture.shape[0]


def test_a_stretch_is_the_same_pictures_as_of_the_whole_video(tmp_path):
    path = films.write(
        tmp_path / "a.mkv", (films.picture(("red", 20 + 5 * k, 40)) for k in range(13))
    )
    whole = shown(path)
    assert len(whole) == 13
    assert all((a == b).all() for a, b in zip(shown(path, 4, 5), whole[4:9], strict=True))
    assert len(shown(path, 11, 50)) == 2


@pytest.mark.parametrize("keep", [1.0, 0.8, 0.5])
@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.avi"])
def test_there_are_as_many_pictures_as_the_index_counts_also_in_damaged_files(tmp_path, name, keep):
    path = tmp_path / name
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    muxing = {"movflags": "faststart"} if name.endswith("mp4") else None
    video(path, 37, codec=codec, sound=False, muxing=muxing)
    content = bytearray(path.read_bytes())
    if keep < 1:
        middle = len(content) // 3
        content[middle : middle + 40] = bytes(40)
    path.write_bytes(content[: int(keep * len(content))])
    assert len(shown(path)) == probe(path).decoded


@pytest.mark.parametrize(
    ("degrees", "seen"), [(90, (0.25, 0.75)), (180, (0.75, 0.75)), (270, (0.75, 0.25))]
)
def test_a_video_that_says_how_it_is_turned_is_seen_upright(tmp_path, degrees, seen):
    blob = films.picture(("red", 40, 24))  # upper left
    options = {"crf": "5"}
    path = films.write(
        tmp_path / "a.mp4",
        [blob] * 3,
        codec="libx264",
        pixels="yuv420p",
        rotation=degrees,
        options=options,
    )
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).rotation % 360 == degrees
    picture = shown(path)[0]
    assert picture.shape == ((96, 160, 3) if degrees == 180 else (160, 96, 3))
    assert centre(picture) == pytest.approx(seen, abs=0.02)


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    blob = films.picture(("red", 40, 48, 20))
    path = tmp_path / "a.mp4"
    films.write(path, [blob] * 2, codec="libx264", pixels="yuv420p", aspect=Fraction(2))
    picture = shown(path)[0]
    assert picture.shape == (96, 320, 3)
    mask = picture[..., 0].astype(int) - picture[..., 1] > 70
    assert mask.any(0).sum() == pytest.approx(2 * mask.any(1).sum(), abs=4)
    assert centre(picture) == pytest.approx((0.25, 0.5), abs=0.01)


def test_an_impossible_shape_of_pixels_is_ignored(tmp_path):
    path, blank = tmp_path / "a.mp4", films.picture()
    films.write(path, [blank] * 2, codec="libx264", pixels="yuv420p", aspect=Fraction(1, 50))
    assert shown(path)[0].shape == (96, 160, 3)


def test_odd_sizes_are_kept_and_a_larger_picture_is_reduced(tmp_path):
    path = films.write(tmp_path / "a.mkv", [films.picture(width=161, height=97)] * 2)
    assert shown(path)[0].shape == (97, 161, 3)
    assert shown(path, longest=80)[0].shape == (48, 80, 3)
    assert shown(path, longest=500)[0].shape == (97, 161, 3)


def woven(k):
    """A white bar that moves, whose odd rows are half a frame later."""
    frame = films.picture()
    for row in range(len(frame)):
        left = 20 + 8 * k + 4 * (row % 2)
        frame[row, left : left + 30] = 255
    return frame


def comb(picture):
    """How much rows differ from the mean of their neighbours."""
    red = picture[..., 0].astype(int)
    return np.abs(red[1:-1] - (red[:-2] + red[2:]) / 2).mean()


def test_interlaced_frames_are_not_combed_and_none_is_lost(tmp_path):
    frames = [woven(k) for k in range(11)]
    kinds = {"woven": {"x264-params": "tff=1", "crf": "1"}, "plain": {"crf": "1"}}
    for name, options in kinds.items():
        path = tmp_path / f"{name}.mp4"
        films.write(path, frames, codec="libx264", pixels="yuv420p", options=options)
    with av.open(str(tmp_path / "woven.mp4")) as container:
        assert next(container.decode(video=0)).interlaced_frame
    mended, raw = shown(tmp_path / "woven.mp4"), shown(tmp_path / "plain.mp4")
    assert len(mended) == len(raw) == 11
    assert all(comb(a) < 0.1 * comb(b) for a, b in zip(mended[1:-1], raw[1:-1], strict=True))
    places = [np.nonzero(each[48, :, 0] > 170)[0].mean() for each in mended]
    assert np.diff(places) == pytest.approx([8] * 10, abs=2)


def test_a_single_interlaced_frame_is_one_picture(tmp_path):
    options = {"x264-params": "tff=1"}
    path = films.write(
        tmp_path / "a.mp4", [woven(0)], codec="libx264", pixels="yuv420p", options=options
    )
    assert len(shown(path)) == 1


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_what_is_no_video_is_a_problem(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(Problem, match=r"clip clip: .*a\.mp4: found a file that cannot be opened"):
        shown(path)
    path.unlink()
    with pytest.raises(Problem, match="No such file"):
        shown(path)


def test_a_clip_that_begins_after_its_video_ends_is_a_problem(tmp_path):
    path = films.write(tmp_path / "a.mkv", [films.picture()] * 3)
    with pytest.raises(Problem, match="found 3 frames; expected a video with a frame 4"):
        shown(path, first=3)

"""Previews: small films of videos that no browser plays, with the frames and times of the clip."""

from __future__ import annotations

from fractions import Fraction

import av
import films
import numpy as np
import pytest
from corpus_builder import video as noise
from hypothesis import given
from hypothesis import strategies as st
from predicted_clips import clip, decoded, heard, video

from rjcma.corpus.video import probe
from rjcma.mp4.fit import Place
from rjcma.mp4.preview import is_needed, make, reduced
from rjcma.mp4.previews import previews
from rjcma.problem import Problem, Problems

WIDTH, HEIGHT = 160, 96


def shades(count, width=WIDTH, height=HEIGHT):
    return [np.full((height, width, 3), 20 + 15 * k, np.uint8) for k in range(count)]


def test_a_preview_has_the_frames_and_times_of_the_video(tmp_path):
    times = (0.0, 0.05, 0.3, 0.34, 0.7)
    source = video(tmp_path / "a.mkv", shades(5), [1.5 + t for t in times])
    of = clip("a", frames=5, fps=4 / 0.7, times=times, sound=False)
    make(source, of, tmp_path / "a.mp4")
    pictures, found = decoded(tmp_path / "a.mp4")
    assert found == pytest.approx(times, abs=1e-4)
    assert [p.mean() for p in pictures] == pytest.approx([20 + 15 * k for k in range(5)], abs=3)


def test_a_stretch_of_a_video_shares_the_preview_of_the_whole(tmp_path):
    video(tmp_path / "a.avi", shades(9), np.arange(9) / 10, codec="mpeg4")
    whole = clip("a", frames=9, file="a.avi", sound=False, decoded=9)
    part = whole.model_copy(update={"name": "b", "first": 3, "frames": 2, "stretch": True})
    previews([whole, part], tmp_path, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").glob("*.mp4")] == ["a.mp4"]
    assert len(decoded(tmp_path / "out" / "a.mp4")[0]) == 9


def test_the_sound_is_kept_in_step(tmp_path):
    rate_hz = 8000
    tone = np.where(np.arange(rate_hz) // 800 == 6, 0.5, 0.0)[None]
    source = video(tmp_path / "a.mkv", shades(10), np.arange(10) / 10, tone, rate_hz=rate_hz)
    make(source, clip("a", frames=10), tmp_path / "a.mp4")
    samples, rate, start = heard(tmp_path / "a.mp4")
    begins = start + np.flatnonzero(np.abs(samples[0]) > 0.2)[0] / rate
    assert begins == pytest.approx(0.6, abs=0.01)


def test_a_large_picture_is_reduced_and_a_turned_one_upright(tmp_path):
    blob = films.picture(("red", 250, 150, 60), width=1000, height=600)
    source = films.write(
        tmp_path / "a.mp4", [blob] * 2, codec="libx264", pixels="yuv420p", rotation=90
    )
    make(source, clip("a", frames=2, sound=False), tmp_path / "b.mp4")
    picture = decoded(tmp_path / "b.mp4")[0][0]
    assert picture.shape == (480, 288, 3)
    red = np.abs(picture.astype(int) - films.COLOURS["red"]).max(-1) < 60
    rows, columns = np.nonzero(red)
    assert (columns.mean() / 288, rows.mean() / 480) == pytest.approx((0.25, 0.75), abs=0.02)


def test_only_what_browsers_do_not_play_is_made_and_nothing_twice(tmp_path, capsys):
    noise(tmp_path / "plays.mp4", 5)
    noise(tmp_path / "old.avi", 5, codec="mpeg4", sound=False)
    clips = [
        clip("old", frames=5, fps=25, file="old.avi", video_digest="1", sound=False),
        clip("plays", frames=5, fps=25, file="plays.mp4", video_digest="2"),
    ]
    previews(clips, tmp_path, tmp_path / "out")
    made = tmp_path / "out" / "old.mp4"
    before = made.stat().st_mtime_ns
    assert [path.name for path in (tmp_path / "out").glob("*.mp4")] == ["old.mp4"]
    assert "1 of 2 videos are played by browsers" in capsys.readouterr().err
    previews(clips, tmp_path, tmp_path / "out", every=True)
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 2
    assert made.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "needed"),
    [
        ("a.mp4", "libx264", "yuv420p", False),
        ("a.mp4", "libx264", "yuv444p", True),
        ("a.mp4", "mpeg4", "yuv420p", True),
        ("a.avi", "mpeg4", "yuv420p", True),
        ("a.mkv", "libx264", "yuv420p", True),
        ("a.mpg", "mpeg1video", "yuv420p", True),
    ],
)
def test_the_container_and_its_codecs_tell_whether_a_preview_is_needed(
    tmp_path, name, codec, pixels, needed
):
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert is_needed(tmp_path / name) is needed


def test_a_sound_that_nobody_knows_needs_a_preview(tmp_path):
    source = video(tmp_path / "a.avi", shades(3), np.arange(3) / 10, np.zeros((1, 4000)))
    assert b"auds" in source.read_bytes()
    content = bytearray(source.read_bytes())
    form = content.index(b"strf", content.index(b"auds")) + 8
    content[form : form + 2] = b"\x99\x77"
    source.write_bytes(content)
    assert is_needed(source)


def test_a_video_that_begins_late_needs_a_preview(tmp_path):
    noise(tmp_path / "a.mp4", 5, sound=False, stamps=[0, 40, 80, 120, 160])
    noise(tmp_path / "b.mp4", 5, sound=True, stamps=[500, 540, 580, 620, 660])
    assert not is_needed(tmp_path / "a.mp4")
    assert is_needed(tmp_path / "b.mp4")


def test_a_video_that_cannot_be_read_is_a_line_and_the_others_are_made(tmp_path):
    (tmp_path / "broken.avi").write_text("no video")
    noise(tmp_path / "old.avi", 5, codec="mpeg4", sound=False)
    names = ("broken", "old")
    clips = [clip(name, frames=5, fps=25, file=f"{name}.avi", sound=False) for name in names]
    with pytest.raises(Problems) as caught:
        previews(clips, tmp_path, tmp_path / "out")
    assert len(caught.value.problems) == 1 and "broken.avi" in str(caught.value)
    assert [path.name for path in (tmp_path / "out").glob("*.mp4")] == ["old.mp4"]


def test_without_the_corpus_nothing_is_made(tmp_path):
    with pytest.raises(Problem, match="no corpus at"):
        previews([clip("a")], tmp_path / "nowhere", tmp_path / "out")


def test_previews_do_not_replace_other_films_in_their_folder(tmp_path):
    noise(tmp_path / "old.avi", 5, codec="mpeg4", sound=False)
    with pytest.raises(Problem, match=r"other files, such as old\.avi; .* name another folder"):
        previews([clip("old", frames=5, fps=25, file="old.avi", sound=False)], tmp_path, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old.avi"]


sides = st.integers(1, 4000)


@given(st.tuples(sides, sides), st.tuples(sides, sides))
def test_a_picture_keeps_its_shape_and_fills_one_side(picture, size):
    place = Place.of(picture, size)
    assert place.left >= 0 and place.left + place.width <= size[0]
    assert place.top >= 0 and place.top + place.height <= size[1]
    assert place.width == size[0] or place.height == size[1]
    exact = np.array(picture) * min(size[0] / picture[0], size[1] / picture[1])
    assert np.abs(exact - (place.width, place.height)).max() <= 1


@given(st.tuples(sides, sides))
def test_a_preview_is_never_larger_than_the_video(size):
    width, height = reduced(size)
    assert width <= size[0] and height <= min(size[1], 480)


def test_pictures_that_change_their_size_are_shown_whole(tmp_path):
    path = tmp_path / "a.ts"
    parts = []
    for name, width in (("one", 320), ("two", 96)):
        part = tmp_path / f"{name}.ts"
        with av.open(str(part), "w") as container:
            stream = container.add_stream("mpeg2video", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, 96, "yuv420p"
            for k in range(4):
                pixels = np.full((96, width, 3), 200, np.uint8)
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))
    frames = probe(path).decoded
    make(path, clip("a", frames=frames, fps=25, sound=False), tmp_path / "a.mp4")
    pictures = decoded(tmp_path / "a.mp4")[0]
    assert len(pictures) == frames
    assert pictures[0].mean() == pytest.approx(200, abs=4)
    bright = np.nonzero(pictures[-1][48, :, 0] > 120)[0]
    assert (bright.min(), bright.max()) == pytest.approx((112, 207), abs=3)

"""Films: pictures at their times, sound in step with them, the same bytes for the same content."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted_clips import GREY, RATE_HZ, decoded, heard, video

from rjcma.mp4 import film, sound
from rjcma.problem import Problem

SIZE = (64, 48)


def grey(value=GREY):
    return np.full((SIZE[1], SIZE[0], 3), value, np.uint8)


def flashes(times, moment):
    """Dark pictures, of which that of a moment is white."""
    return [grey(255 if abs(time - moment) < 0.01 else 20) for time in times]


def beep(seconds, moment, rate_hz=RATE_HZ, channels=1):
    """A short tone at a moment."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = np.where(np.abs(t - moment - 0.02) < 0.02, 0.8 * np.sin(2 * np.pi * 1000 * t), 0)
    return np.tile(tone, (channels, 1))


def write(path, source, pictures, times, end):
    form = sound.form(source)
    start = sound.start_of(source)
    track = None if form is None else film.Sound(form, sound.samples(source, form, start))
    film.write(path, zip(times, pictures, strict=True), SIZE, track, end=end)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.integers(5, 400), min_size=1, max_size=12), last=st.integers(5, 300))
def test_every_picture_keeps_its_time_and_the_last_one_its_duration(tmp_path_factory, steps, last):
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    times = np.cumsum([0, *steps]) / 1000
    shades = [20 + 15 * k for k in range(len(times))]
    end = float(times[-1] + last / 1000)
    film.write(path, zip(times, map(grey, shades), strict=True), SIZE, None, end=end)
    pictures, found = decoded(path)
    assert found == pytest.approx(times.tolist(), abs=1e-4)
    assert [round(p.mean()) for p in pictures] == pytest.approx(shades, abs=3)
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(end, abs=1e-3)


@pytest.mark.parametrize(("begin", "moment"), [(0.0, 1.0), (0.3, 1.4), (-0.25, 0.9)])
@pytest.mark.parametrize(("rate_hz", "channels"), [(44100, 2), (16000, 1), (13000, 1)])
def test_a_beep_is_heard_when_its_flash_is_seen(tmp_path, begin, moment, rate_hz, channels):
    times = np.arange(20) / 10
    tone = beep(2.0 - begin, moment - begin, rate_hz, channels)
    shift = max(0.0, -begin)  # the container's times begin at 0
    source = video(
        tmp_path / "a.mkv",
        flashes(times, moment),
        times + shift,
        tone,
        rate_hz=rate_hz,
        begin=begin + shift,
    )
    path = tmp_path / "a.mp4"
    write(path, source, flashes(times, moment), times, 2.0)
    pictures, found = decoded(path)
    seen = found[int(np.argmax([p.mean() for p in pictures]))]
    samples, rate, start = heard(path)
    assert (rate, len(samples)) == ({13000: 16000}.get(rate_hz, rate_hz), channels)
    loud = np.flatnonzero(np.abs(samples[0]) > 0.3)
    assert start + loud[0] / rate == pytest.approx(seen, abs=0.005)
    assert start + loud[-1] / rate == pytest.approx(seen + 0.04, abs=0.005)


def test_sound_ends_with_the_film(tmp_path):
    times = np.arange(5) / 10
    source = video(tmp_path / "a.mkv", map(grey, range(5)), times, beep(3.0, 0.1))
    write(tmp_path / "a.mp4", source, map(grey, range(5)), times, 0.5)
    samples, rate, start = heard(tmp_path / "a.mp4")
    assert start + samples.shape[1] / rate == pytest.approx(0.5, abs=1024 / rate)


def test_a_gap_in_the_sound_is_silence(tmp_path):
    pieces = [(0, np.full((1, 1000), 0.5, np.float32)), (1500, np.full((1, 500), 0.25, np.float32))]
    form = sound.Form(1000, "mono")
    original, sound._placed = sound._placed, lambda *_: iter(pieces)
    try:
        whole = np.concatenate(list(sound.samples(Path("x"), form, 0.0)), axis=1)[0]
    finally:
        sound._placed = original
    assert whole.tolist() == [0.5] * 1000 + [0.0] * 500 + [0.25] * 500


def test_the_same_content_gives_the_same_bytes(tmp_path):
    times = np.arange(12) / 10
    source = video(tmp_path / "a.mkv", map(grey, range(12)), times, beep(1.2, 0.5))
    for name in ("one.mp4", "two.mp4"):
        write(tmp_path / name, source, flashes(times, 0.5), times, 1.2)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_what_a_player_needs_to_begin_is_at_the_front(tmp_path):
    film.write(tmp_path / "a.mp4", [(0.0, grey()), (0.1, grey())], SIZE, None, end=0.2)
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_colours_are_those_that_were_given(tmp_path):
    colour = (200, 60, 30)
    picture = np.full((SIZE[1], SIZE[0], 3), colour, np.uint8)
    film.write(tmp_path / "a.mp4", [(0.0, picture)], SIZE, None, end=0.1)
    import av

    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)  # BT.709, limited
        seen = frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(0)
    assert seen == pytest.approx(colour, abs=5)


def test_a_folder_that_is_a_file_is_a_problem_and_nothing_is_left(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(Problem) as caught:
        film.write(tmp_path / "a" / "b.mp4", [(0.0, grey())], SIZE, None, end=0.1)
    assert str(tmp_path / "a" / "b.mp4") in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_is_a_problem_and_an_older_file_stays(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")
    noise = np.random.default_rng(1)
    pictures = (
        (k / 10, noise.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)) for k in range(60)
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_999, hard))
    try:
        with pytest.raises(Problem) as caught:
            film.write(path, pictures, SIZE, None, end=6.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "free space on that disk" in str(caught.value) and caught.value.file == str(path)
    assert path.read_bytes() == b"older" and list(tmp_path.iterdir()) == [path]


BRIGHTER = """
import sys
from pathlib import Path
import numpy as np
from rjcma.mp4 import film
pictures = [(k / 10, np.full((222, 320, 3), 20 * k, np.uint8)) for k in range(5)]
film.write(Path(sys.argv[1]), pictures, (320, 222), None, end=0.5)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library fills memory on Linux only")
def test_the_bytes_do_not_depend_on_what_memory_held_before(tmp_path):
    found = set()
    for fill in ("0", "1", "170"):
        path, env = tmp_path / f"{fill}.mp4", {**os.environ, "MALLOC_PERTURB_": fill}
        subprocess.run([sys.executable, "-c", BRIGHTER, str(path)], env=env, check=True)
        found.add(path.read_bytes())
    assert len(found) == 1

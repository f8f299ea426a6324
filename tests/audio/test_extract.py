"""Sound and picture of videos made with PyAV: a beep and a flash at one time stay together."""

from __future__ import annotations

import os
import tracemalloc
import wave
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest

from rjcma.audio.extract import extract
from rjcma.problem import Problem
from rjcma.wav import RATE

FPS = 25
EVENT = 0.8  # seconds at which the picture turns white and a beep begins
BEEP = 0.1  # seconds


class Formats(NamedTuple):
    """The formats of a video to make."""

    suffix: str
    video: str
    sound: str
    rate: int = 44_100
    layout: str = "stereo"
    b_frames: int = 0


LOSSLESS = [
    Formats("mkv", "ffv1", "flac"),
    Formats("mov", "mpeg4", "pcm_s16le", 16_000, "mono"),
    Formats("mkv", "libx264", "pcm_f32le", 96_000, "5.1", b_frames=2),
]
LOSSY = [
    Formats("mp4", "libx264", "aac", b_frames=2),
    Formats("mp4", "mpeg4", "aac", 8_000, "mono"),
    Formats("mkv", "libx264", "ac3", 48_000, "5.1"),
    Formats("ts", "libx264", "aac"),
    Formats("mpg", "mpeg1video", "mp2"),
]


def beeps(begin, seconds, rate, at=(EVENT,)):
    """Silence with a beep of 1 kHz at each time of `at`; its own first sample is at `begin`."""
    time = begin + np.arange(round(seconds * rate)) / rate
    sounding = sum(((time >= t) & (time < t + BEEP) for t in at), np.zeros(len(time), bool))
    return np.where(sounding, 0.7 * np.sin(2 * np.pi * 1000 * time), 0).astype(np.float32)


def show(container, stream, begin, seconds):
    """Frames that are black before the event and white from it."""
    for k in range(round(seconds * FPS)):
        grey = 255 if begin + k / FPS >= EVENT - 1e-6 else 0
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), grey, np.uint8), format="rgb24")
        frame.pts, frame.time_base = round(begin * FPS) + k, Fraction(1, FPS)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def sound(coder, begin, samples):
    """Packets of samples, the first at `begin` seconds; `coder` is a stream or a codec context."""
    layout, rate, size = coder.layout.name, coder.sample_rate, coder.frame_size or 1000
    resampler = av.AudioResampler(coder.format.name, layout, rate)
    for start in range(0, len(samples), size):
        piece = np.tile(samples[start : start + size], (coder.layout.nb_channels, 1))
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = round(begin * rate) + start
        for converted in resampler.resample(frame):
            yield from coder.encode(converted)


def make(path, formats, *, pictures=(0.0, 1.2), sounds=((0.0, 1.2, (EVENT,)),)):
    """Make a video; its picture and each piece of sound have a start and a length in seconds."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(formats.video, rate=FPS)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.max_b_frames = formats.b_frames
        audio = container.add_stream(formats.sound, rate=formats.rate, layout=formats.layout)
        show(container, video, *pictures)
        for begin, seconds, at in sounds:
            for packet in sound(audio, begin, beeps(begin, seconds, formats.rate, at)):
                container.mux(packet)
        container.mux(audio.encode())
    return path


def flash(path):
    """When the picture turns white, in seconds from the first frame."""
    with av.open(str(path)) as container:
        frames = [(f.time, f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]
    return next(time for time, grey in frames if grey > 128) - frames[0][0]


def heard(path):
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 2**15


def onsets(samples):
    """When beeps begin, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    first = np.r_[True, np.diff(loud) > 0.02 * RATE] if len(loud) else np.zeros(0, bool)
    return loud[first] / RATE


def extracted(path, seconds, tmp_path):
    extract(path, seconds, "clip", tmp_path / "out.wav")
    return heard(tmp_path / "out.wav")


@pytest.mark.parametrize("picture, begin", [(0.0, 0.0), (0.4, 0.0), (0.0, 0.32), (0.2, 0.36)])
@pytest.mark.parametrize(
    "formats", LOSSLESS + LOSSY, ids=lambda m: f"{m.suffix}-{m.sound}-{m.rate}"
)
def test_a_beep_is_where_the_flash_is(tmp_path, formats, picture, begin):
    path = make(
        tmp_path / f"v.{formats.suffix}",
        formats,
        pictures=(picture, 1.2),
        sounds=[(begin, 1.2, (EVENT,))],
    )
    seen = flash(path)
    assert seen == pytest.approx(EVENT - picture, abs=0.002)
    (at,) = onsets(extracted(path, 1.2, tmp_path))
    assert at == pytest.approx(seen, abs=0.0005 if formats in LOSSLESS else 0.003)


GAPPED = [
    LOSSLESS[0],
    Formats("mkv", "ffv1", "pcm_s16le", RATE, "mono"),
    Formats("ts", "mpeg2video", "mp2"),
]


@pytest.mark.parametrize("formats", GAPPED, ids=lambda m: m.sound)
def test_gaps_between_time_stamps_become_silence(tmp_path, formats):
    pieces = [(k * 0.5, 0.43, (k * 0.5 + 0.1,)) for k in range(7)]
    path = make(tmp_path / f"v.{formats.suffix}", formats, pictures=(0, 3.4), sounds=pieces)
    at = onsets(extracted(path, 3.4, tmp_path))
    assert at == pytest.approx([0.1 + 0.5 * k for k in range(7)], abs=0.002)


def test_sound_that_overlaps_is_cut(tmp_path):
    formats = Formats("ts", "mpeg2video", "mp2")
    first = make(tmp_path / "1.ts", formats, sounds=[(0.0, 0.7, (0.1,))])
    second = make(tmp_path / "2.ts", formats, sounds=[(0.5, 0.7, (0.55, 0.9))])
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    at = onsets(extracted(joined, 1.2, tmp_path))
    assert at == pytest.approx([0.1, 0.9], abs=0.003)


def test_time_stamps_that_jitter_less_than_the_tolerance_are_not_believed(tmp_path):
    pieces = [(0.0, 0.5, ()), (0.51, 0.5, ())]
    path = tmp_path / "v.mkv"
    make(path, Formats("mkv", "ffv1", "pcm_s16le", RATE, "mono"), pictures=(0, 0.2), sounds=pieces)
    assert len(extracted(path, 0.2, tmp_path)) == RATE


def test_sound_may_change_its_format_on_the_way(tmp_path):
    path, formats = tmp_path / "v.mpg", Formats("mpg", "mpeg1video", "mp2")
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg1video", rate=FPS)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("mp2", rate=formats.rate, layout="stereo")
        other = av.CodecContext.create("mp2", "w")
        other.sample_rate, other.layout, other.format = 48_000, "mono", audio.format
        other.time_base = Fraction(1, 48_000)
        show(container, video, 0, 1.6)
        for coder, begin, at in [(audio, 0.0, 0.5), (other, 0.9, 1.1)]:
            rate = coder.sample_rate
            packets = list(sound(coder, begin, beeps(begin, 0.7, rate, (at,))))
            for packet in [*packets, *coder.encode(None)]:
                packet.stream = audio
                container.mux(packet)
    with av.open(str(path)) as container:
        rates = {frame.sample_rate for frame in container.decode(audio=0)}
    assert rates == {44_100, 48_000}
    assert onsets(extracted(path, 1.6, tmp_path)) == pytest.approx([0.5, 1.1], abs=0.03)


def test_a_video_without_sound_is_silence_of_its_length(tmp_path):
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        show(container, video, 0, 1.24)
    samples = extracted(tmp_path / "v.mp4", 1.24, tmp_path)
    assert len(samples) == 1.24 * RATE
    assert not samples.any()


def test_sound_that_ends_early_is_followed_by_silence_to_the_videos_end(tmp_path):
    path = make(tmp_path / "v.mkv", LOSSLESS[0], sounds=[(0.0, 0.9, (0.3,))])
    samples = extracted(path, 1.2, tmp_path)
    assert len(samples) == 1.2 * RATE
    assert onsets(samples) == pytest.approx([0.3], abs=0.001)


def test_sound_beyond_the_videos_end_is_kept(tmp_path):
    path = make(tmp_path / "v.mkv", LOSSLESS[0], pictures=(0, 1), sounds=[(0.0, 1.9, (1.7,))])
    samples = extracted(path, 1.0, tmp_path)
    assert len(samples) == pytest.approx(1.9 * RATE, abs=2)
    assert onsets(samples) == pytest.approx([1.7], abs=0.001)


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=FPS)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        show(container, video, 0, 0.2)
        pair = np.stack([np.full(3200, 3000), np.full(3200, 7000)]).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pair, format="s16p", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        for packed in av.AudioResampler("s16", "stereo", RATE).resample(frame):
            container.mux(audio.encode(packed))
        container.mux(audio.encode())
    assert np.unique(extracted(path, 0.2, tmp_path)) == pytest.approx([5000 / 2**15], abs=2**-15)


def test_every_run_writes_the_same_bytes(tmp_path):
    path = make(tmp_path / "v.mp4", LOSSY[0])
    for name in ("first.wav", "second.wav"):
        extract(path, 1.2, "clip", tmp_path / name)
    assert (tmp_path / "first.wav").read_bytes() == (tmp_path / "second.wav").read_bytes()


def test_memory_does_not_grow_with_the_sounds_length(tmp_path):
    formats, seconds = Formats("mkv", "ffv1", "pcm_s16le", RATE, "mono"), 150
    path = make(tmp_path / "v.mkv", formats, pictures=(0, 0.2), sounds=[(0.0, seconds, ())])
    tracemalloc.start()
    extract(path, seconds, "clip", tmp_path / "out.wav")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "out.wav").stat().st_size > 2 * seconds * RATE > 10 * peak


def refused(path, tmp_path):
    with pytest.raises(Problem) as caught:
        extract(path, 1.2, "the_clip", tmp_path / "out.wav")
    assert caught.value.clip == "the_clip"
    assert caught.value.file == str(path)
    return caught.value.found


@pytest.mark.parametrize("content", [b"", b"no video at all\n" * 99])
def test_what_is_no_video_is_a_problem(tmp_path, content):
    (tmp_path / "v.mp4").write_bytes(content)
    assert "cannot be opened" in refused(tmp_path / "v.mp4", tmp_path)


def test_sound_alone_is_a_problem(tmp_path):
    with av.open(str(tmp_path / "v.mka"), "w", format="matroska") as container:
        audio = container.add_stream("flac", rate=RATE, layout="mono")
        container.mux(sound(audio, 0, beeps(0, 1, RATE)))
        container.mux(audio.encode())
    assert refused(tmp_path / "v.mka", tmp_path) == "no video stream"


def test_sound_that_is_damaged_on_the_way_is_a_problem_that_says_where(tmp_path):
    path = make(tmp_path / "v.mp4", LOSSY[0])
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(audio=0) if p.size and p.time_base * p.pts > 0.5]
        places = [(packet.pos, packet.size) for packet in packets[:5]]
    content = bytearray(path.read_bytes())
    for place, size in places:
        content[place : place + size] = bytes(size)
    path.write_bytes(content)
    at = float(refused(path, tmp_path).removeprefix("sound that breaks off at ").split()[0])
    assert at == pytest.approx(0.5, abs=0.05)


def test_a_file_cut_in_a_packet_of_sound_is_a_problem(tmp_path):
    path = make(tmp_path / "v.mpg", LOSSY[-1])
    with av.open(str(path)) as container:
        last = max(packet.pos for packet in container.demux(audio=0) if packet.pos)
    path.write_bytes(path.read_bytes()[: last + 700])
    assert "breaks off" in refused(path, tmp_path)


def test_sound_hours_after_the_video_is_a_problem(tmp_path):
    pieces = [(0.0, 0.5, ()), (7200.0, 0.5, ())]
    path = make(tmp_path / "v.mkv", LOSSLESS[0], sounds=pieces)
    assert refused(path, tmp_path).startswith("sound at 7200")


@pytest.mark.skipif("RJCMA_SHARED" not in os.environ, reason="RJCMA_SHARED names no real media")
def test_sound_from_before_a_real_videos_first_frame_is_cut(tmp_path):
    path = Path(os.environ["RJCMA_SHARED"]) / "corpus_real/videos/hamilton.mp4"
    samples = extracted(path, 275 * 100 / 2997, tmp_path)
    with av.open(str(path)) as container:
        first = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    stereo = np.concatenate([frame.to_ndarray() for frame in frames], axis=1).mean(0)
    at = frames[0].time + np.arange(stereo.size) / 44_100 - first
    whole = np.interp(np.arange(8 * RATE) / RATE, at, stereo)
    assert np.corrcoef(whole, samples[: 8 * RATE])[0, 1] > 0.99
    assert np.corrcoef(whole[160:], samples[: 8 * RATE - 160])[0, 1] < 0.9

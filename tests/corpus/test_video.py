"""The properties of a decoded video: count, rate, times, sound, and whether it is complete."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from corpus_builder import video

from rjcma.corpus.video import presentation_times, probe, timing
from rjcma.problem import Problem

FILM, TELEVISION = Fraction(24000, 1001), Fraction(30000, 1001)


@pytest.mark.parametrize("rate", [Fraction(15, 2), FILM, 25, TELEVISION, 30])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts"])
def test_a_regular_video_has_its_exact_rate_and_no_list_of_times(
    tmp_path: Path, rate: Fraction, ending: str
) -> None:
    video(tmp_path / f"x.{ending}", 17, rate)
    found = probe(tmp_path / f"x.{ending}")
    assert (found.decoded, found.fps, found.times) == (17, float(Fraction(rate)), None)
    assert found.sound and not found.cut and not found.damaged


def test_times_rounded_to_milliseconds_are_regular(tmp_path: Path) -> None:
    video(tmp_path / "x.webm", 61, TELEVISION, codec="libvpx")
    assert probe(tmp_path / "x.webm").times is None
    assert probe(tmp_path / "x.webm").fps == float(TELEVISION)


def test_irregular_times_count_from_the_first_frame(tmp_path: Path) -> None:
    stamps = [700, 733, 800, 833, 900, 1033, 1100]
    video(tmp_path / "x.mp4", 7, 30, stamps=stamps, sound=False)
    found = probe(tmp_path / "x.mp4")
    assert found.times is not None
    assert np.allclose(found.times, (np.array(stamps) - 700) / 1000, atol=1e-6)
    assert found.fps == pytest.approx(6 / 0.4)
    assert not found.sound


def test_a_late_first_frame_does_not_make_times_irregular(tmp_path: Path) -> None:
    video(tmp_path / "x.mp4", 7, 25, stamps=[852 + 40 * k for k in range(7)], sound=False)
    assert probe(tmp_path / "x.mp4").times is None


def test_a_declared_rate_that_disagrees_with_the_times_is_not_used() -> None:
    fps, times = timing(np.arange(101) / 25, [Fraction(30), Fraction(50)])
    assert (fps, times) == (25.0, None)


def test_without_times_the_declared_rate_is_used() -> None:
    assert timing(None, [FILM]) == (float(FILM), None)
    assert timing(None, []) == (0.0, None)


def test_one_dropped_frame_in_a_long_video_makes_its_times_irregular() -> None:
    ticks = np.delete(np.arange(1001), 500)
    assert timing(ticks / 25, [Fraction(25)])[1] is not None


def test_frames_without_a_time_stamp_are_placed_evenly_between_their_neighbours() -> None:
    seconds, falling = presentation_times([None, 20, None, None, 50, None], Fraction(1, 10))
    assert seconds is not None and not falling
    np.testing.assert_allclose(seconds, [0, 1, 2, 3, 4, 5])


def test_times_that_go_backwards_are_not_used() -> None:
    assert presentation_times([0, 10, 20, 5, 15], Fraction(1, 25)) == (None, True)
    assert presentation_times([None, None, 3], Fraction(1, 25)) == (None, False)


def test_a_title_that_is_not_utf_8_is_accepted(tmp_path: Path) -> None:
    video(tmp_path / "x.avi", 5)
    content = (tmp_path / "x.avi").read_bytes()
    assert b"Lavf" in content
    (tmp_path / "x.avi").write_bytes(content.replace(b"Lavf", b"Caf\xe9"))
    assert probe(tmp_path / "x.avi").decoded == 5


@pytest.mark.parametrize(
    ("ending", "muxing"),
    [("mp4", {"movflags": "faststart"}), ("mp4", {"movflags": "frag_keyframe+empty_moov"})]
    + [("avi", {}), ("flv", {})],
)
def test_a_cut_file_is_recognised(tmp_path: Path, ending: str, muxing: dict[str, str]) -> None:
    path = tmp_path / f"x.{ending}"
    video(path, 50, muxing=muxing)
    assert not probe(path).cut
    os.truncate(path, path.stat().st_size * 6 // 10)
    found = probe(path)
    assert found.cut
    assert 20 < found.decoded < 40


def test_a_cut_matroska_file_is_shorter_than_it_declares(tmp_path: Path) -> None:
    video(tmp_path / "x.mkv", 50)
    os.truncate(tmp_path / "x.mkv", (tmp_path / "x.mkv").stat().st_size * 6 // 10)
    found = probe(tmp_path / "x.mkv")
    assert found.decoded < 40
    assert found.declared == pytest.approx(2.0, abs=0.05)


def test_damage_in_the_middle_does_not_stop_the_decoding(tmp_path: Path) -> None:
    video(tmp_path / "x.mp4", 50, codec="mpeg4", sound=False)
    content = bytearray((tmp_path / "x.mp4").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    (tmp_path / "x.mp4").write_bytes(content)
    assert probe(tmp_path / "x.mp4").decoded > 40


def _cut_before_its_index(path: Path) -> None:
    video(path, 50)
    os.truncate(path, path.stat().st_size * 6 // 10)


def _unknown_codec(path: Path) -> None:
    video(path.with_suffix(".mkv"), 5)
    content = path.with_suffix(".mkv").read_bytes()
    path.write_bytes(content.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"))


def _sound_alone(path: Path) -> None:
    video(path.with_suffix(".mkv"), 5)
    import av

    with av.open(str(path.with_suffix(".mkv"))) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: path.write_bytes(b""), "zero bytes"),
        (lambda path: path.write_text("not a video\n" * 99), "a file that cannot be opened"),
        (lambda path: None, "No such file"),
        (_cut_before_its_index, "a file that cannot be opened"),
        (_unknown_codec, "a video stream that FFmpeg cannot decode"),
        (_sound_alone, "no video stream (streams: audio)"),
    ],
    ids=["zero bytes", "text", "missing", "cut", "unknown codec", "sound alone"],
)
def test_a_file_that_is_not_a_video_is_one_line(tmp_path: Path, make, found: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "x.mp4")
    with pytest.raises(Problem) as problem:
        probe(tmp_path / "x.mp4")
    assert found in problem.value.found
    assert "x.mp4" in str(problem.value)
    assert "corpus.exclude" in problem.value.cure


def _real(name: str) -> Path:
    if "RJCMA_SHARED" not in os.environ:
        pytest.skip("RJCMA_SHARED names no folder with corpus_real")
    return Path(os.environ["RJCMA_SHARED"]) / "corpus_real" / "videos" / name


@pytest.mark.parametrize(
    ("name", "decoded", "fps"),
    [
        ("astorfi.mp4", 209, float(TELEVISION)),  # its container declares 266 frames
        ("hamilton.mp4", 275, 29.97),  # its first frame is shown at 0.852 s
        ("grid_pwij3p.mpg", 75, 25.0),
        ("hdtf_hill.mp4", 200, 25.0),
    ],
)
def test_real_videos_have_the_frames_that_are_decoded(name: str, decoded: int, fps: float) -> None:
    found = probe(_real(name))
    assert (found.decoded, found.fps, found.times) == (decoded, fps, None)
    assert found.sound and not found.cut and not found.damaged


def test_a_real_irregular_video_keeps_its_own_times() -> None:
    found = probe(_real("retalk_1.mp4"))
    assert found.decoded == 135 and found.times is not None
    steps = np.diff(found.times)
    assert set(np.round(steps * 30).astype(int)) == {1, 2}  # every other frame or so was dropped
    assert found.times[0] == 0 and found.times[-1] == pytest.approx(182 / 30)

"""Files that are given as videos: what is known of them, and which are refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import cv2
import films
import numpy as np
import pytest
from av.stream import Disposition
from corpus_builder import video

from rjcma.corpus.probe import Probe
from rjcma.corpus.video import probe
from rjcma.predict import probing
from rjcma.predict.doing import Failures
from rjcma.predict.videos import clips_of
from rjcma.problem import Problem, Problems


def probed(path: Path, out: Path) -> Probe:
    probing.write(path, "digest", out)
    return Probe.model_validate_json(out.read_bytes())


def written(path: Path, kind: str) -> Path:
    if kind == "irregular":
        return video(path, 7, 30, stamps=[700, 733, 800, 833, 900, 1033, 1100], sound=False)
    if kind == "regular":
        return video(path, 17, Fraction(24000, 1001))
    video(path, 73, 25)
    whole = path.read_bytes()
    if kind == "cut":
        path.write_bytes(whole[: len(whole) * 3 // 4])
    return path


KINDS = [
    (kind, ending)
    for kind, ending in product(["regular", "irregular", "whole", "cut"], ["mkv", "ts", "avi"])
    if (kind, ending) != ("irregular", "avi")  # AVI has no time stamps
]


@pytest.mark.parametrize("kind, ending", KINDS)
def test_a_video_has_the_properties_that_the_index_finds(tmp_path, kind, ending):
    path = tmp_path / f"x.{ending}"
    written(path, kind)
    found, of_index = probed(path, tmp_path / "x.json"), probe(path)
    for name in ("decoded", "fps", "times", "falling", "sound", "damaged", "declared"):
        assert getattr(found, name) == getattr(of_index, name), name


def sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def sound_with_a_cover(path: Path) -> None:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=8000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
        drawn = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(drawn.reformat(format="yuvj420p")))
        container.mux(cover.encode(None))


def two_sizes(path: Path) -> None:
    parts = []
    for number, height in enumerate((64, 96)):
        drawn = (films.picture(height=height) for _ in range(12))
        part = path.with_name(f"{number}.ts")
        films.write(part, drawn, codec="mpeg2video", pixels="yuv420p")
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))


def picture(path: Path) -> None:
    assert cv2.imwrite(str(path), np.full((40, 60, 3), 99, np.uint8))


def no_frames(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


BAD = {
    "sound.mkv": (sound_only, "no video stream"),
    "cover.mp4": (sound_with_a_cover, r"no video stream \(streams: audio, cover picture\)"),
    "picture.png": (picture, "a picture"),
    "picture.jpg": (picture, "a picture"),
    "sizes.ts": (two_sizes, r"pictures of 160 x 64, and from frame \d+ on of 160 x 96"),
    "none.mkv": (no_frames, r"cannot be opened \(End of file\)"),
    "empty.mp4": (Path.touch, "zero bytes"),
    "text.mp4": (lambda path: path.write_text("a text"), "a file that cannot be opened"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_video_is_one_line_and_nothing_is_left(tmp_path, name):
    make, words = BAD[name]
    make(tmp_path / name)
    with pytest.raises(Problems, match=words) as problems:
        clips_of([tmp_path / name], tmp_path / "out", Failures())
    (problem,) = problems.value.problems
    assert name in str(problem) and "corpus" not in str(problem)
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {".failed", ".keys"}


def test_a_path_without_a_file_is_refused_at_once(tmp_path):
    for path in (tmp_path / "nothing.mp4", tmp_path):
        with pytest.raises(Problem, match="expected a video"):
            clips_of([path], tmp_path / "out", Failures())
    assert not (tmp_path / "out").exists()


def test_two_videos_of_one_name_are_refused(tmp_path):
    for one, other in (("Talk", "talk"), ("caf\u00e9", "cafe\u0301")):
        films_of = [tmp_path / "a" / f"{one}.mp4", tmp_path / "b" / f"{other}.avi"]
        with pytest.raises(Problem, match="with the name of"):
            clips_of(films_of, tmp_path / "out", Failures())


def test_a_name_that_files_cannot_have_is_refused(tmp_path):
    for name, found in (("two\nlines.mp4", "in the name"), ("...mp4", "which means a folder")):
        path = tmp_path / name
        path.touch()
        with pytest.raises(Problem, match=found) as caught:
            clips_of([path], tmp_path / "out", Failures())
        assert caught.value.cure == "rename the clip's files"


def test_the_others_go_on_when_one_fails(tmp_path):
    good = films.write(tmp_path / "good.mkv", [films.picture()] * 3)
    (tmp_path / "bad.mp4").touch()
    failures = Failures()
    (clip,) = clips_of([tmp_path / "bad.mp4", good], tmp_path / "out", failures)
    assert clip.name == "good" and clip.frames == 3
    with pytest.raises(Problems, match=r"bad\.mp4"):
        failures.check()


def test_what_is_said_of_a_corpus_is_not_said_of_ones_own_video():
    failures = Failures()
    said = "restore the file (ffmpeg …), or name its clips in corpus.exclude to go on without them"
    problem = Problem(clip="talk", found="x", expected="y", cure=said)
    failures.note([problem], {"talk"})
    assert failures.problems[0].cure == "restore the file (ffmpeg …)"


def test_a_problem_of_no_video_ends_all():
    with pytest.raises(Problems):
        Failures().note([Problem(found="no model", expected="m", cure="c")], {"talk"})

"""The sample corpus as files: layout, hard cases, and the same bytes every time."""

import os
import shutil
import subprocess
import sys
from fractions import Fraction

import av
import committed
import cv2
import numpy as np
import pytest
from places import ROOT

from rjcma.problem import Problem
from rjcma.sample.cast import FILM, NTSC, PAL, THIRTY, VIDEOS, selected_videos
from rjcma.sample.corpus import write
from rjcma.sample.make import make
from rjcma.sample.portrait import crop, placement
from rjcma.sample.scene import draw_scene
from rjcma.sample.settings import Sample
from rjcma.sample.voice import HELD_OUT_VOICES, VOICES

TWO = "16-30-480x270"
AWAY, SILENT, EXTRA, UNEVEN = "video5", "28-30-480x270", "video22", "video31"
AVI, COVERED, VALIDATION, TEST = "video14", "117-24", "33-25-480x270", "52-25-480x270"
SOME = Sample(
    seed=3,
    length=0.2,
    videos=[TWO, AWAY, SILENT, EXTRA, UNEVEN, AVI, VALIDATION, TEST],
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus") / "sample"
    make(SOME, root)
    return root


def video(name):
    return next(video for video in selected_videos(SOME) if video.name == name)


def frames(root, name):
    with av.open(str(root / "videos" / video(name).file)) as container:
        return [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
        ]


def sound(root, name):
    """The decoded sound at 16 kHz, (n,), and the rate in the file."""
    with av.open(str(root / "videos" / video(name).file)) as container:
        resampler = av.AudioResampler("s16", "mono", 16000)
        rate = container.streams.audio[0].rate
        pieces = [
            piece.to_ndarray()[0]
            for frame in [*container.decode(audio=0), None]
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(pieces) / 32768, rate


def labels(root, clip, partition="train"):
    lines = (root / "annotations/VA" / partition / f"{clip}.txt").read_text().splitlines()
    assert lines[0] == "valence,arousal"
    return np.array([[float(value) for value in line.split(",")] for line in lines[1:]])


def crops(root, clip):
    return sorted(int(path.stem) for path in (root / "cropped_aligned" / clip).iterdir())


def tree(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


# --------------------------------------------------------------------------------- the whole cast


def test_the_cast_is_as_large_and_as_varied_as_promised():
    clips = [clip for video in VIDEOS for clip in video.clips]
    assert len(clips) == len(set(clips)) >= 14
    assert len([person for video in VIDEOS for person in video.people]) >= 10
    assert all(8 <= video.seconds <= 24 for video in VIDEOS)
    assert {video.fps for video in VIDEOS} == {PAL, THIRTY, NTSC, FILM}
    assert {video.partition for video in VIDEOS} == {"train", "validation", "test"}
    assert {video.container for video in VIDEOS} == {"mp4", "avi"}


def test_the_cast_has_every_hard_case():
    for case in ("away", "covered", "unlabelled", "silent", "extra_rows", "irregular"):
        assert any(getattr(video, case) for video in VIDEOS), case
    assert any(len(video.people) == 2 for video in VIDEOS)
    assert any(video.seconds * video.fps < 300 for video in VIDEOS)
    assert len({video.size for video in VIDEOS}) > 1


def test_all_voices_are_those_that_the_vosk_model_knows():
    voices = {f"en-us+{person.voice}" for video in VIDEOS for person in video.people}
    assert voices <= {*VOICES, *HELD_OUT_VOICES}


def test_moods_of_the_training_clips_are_spread_in_every_fold():
    people = {c: p for v in VIDEOS if v.partition == "train" for c, p in zip(v.clips, v.people)}
    names = sorted(people)
    for half in (names[: len(names) // 2], names[len(names) // 2 :]):
        for axis in ("valence", "arousal"):
            centres = [getattr(people[name], axis) for name in half]
            assert min(centres) < -0.3
            assert max(centres) > 0.3


# ------------------------------------------------------------------------------------- the files


def test_the_layout_is_that_of_aff_wild2(root):
    names = {path.relative_to(root).as_posix() for path in root.rglob("*")}
    assert {f"videos/{video.file}" for video in selected_videos(SOME)} <= names
    assert f"annotations/VA/train/{TWO}_left.txt" in names
    assert f"annotations/VA/train/{TWO}_right.txt" in names
    assert f"annotations/VA/validation/{VALIDATION}.txt" in names
    assert f"cropped_aligned/{TEST}/00001.jpg" in names
    assert not any(name.startswith("annotations") and TEST in name for name in names)
    assert (root / "test.txt").read_text() == f"{TEST}\n"
    assert not list(root.parent.glob("*.partial"))


def test_a_video_has_the_frames_and_the_rate_of_its_plan(root):
    for name in (TWO, AVI, VALIDATION):
        plan = video(name)
        with av.open(str(root / "videos" / plan.file)) as container:
            assert container.streams.video[0].average_rate == plan.fps
        shown = frames(root, name)
        assert len(shown) == int(plan.seconds * plan.fps)
        assert shown[0][1].shape == (plan.size[1], plan.size[0], 3)
        times = np.array([time for time, _ in shown])
        assert np.allclose(np.diff(times), 1 / float(plan.fps), atol=1e-3)


def test_labels_are_a_row_a_frame_between_minus_1_and_1(root):
    for clip in (AWAY, UNEVEN, f"{TWO}_left", f"{TWO}_right"):
        values = labels(root, clip)
        assert len(values) == len(frames(root, clip.split("_")[0]))
        assert np.abs(values).max() < 1
        assert np.abs(np.diff(values, axis=0)).max() < 0.1
    lines = (root / f"annotations/VA/train/{AWAY}.txt").read_text().splitlines()
    assert all(len(value.split(".")[1]) == 3 for value in lines[1].split(","))


def test_two_people_share_a_video_but_not_their_states_or_faces(root):
    left, right = (labels(root, f"{TWO}_{side}") for side in ("left", "right"))
    assert np.abs(left - right).mean() > 0.05
    faces = [
        cv2.imread(str(root / f"cropped_aligned/{TWO}_{s}/00001.jpg")) for s in ("left", "right")
    ]
    assert np.abs(faces[0].astype(float) - faces[1]).mean() > 15


def test_unlabelled_frames_are_minus_5_in_both(root):
    values = labels(root, AVI)
    unlabelled = values[:, 0] == -5
    assert (unlabelled == (values[:, 1] == -5)).all()
    assert 0.1 < unlabelled.mean() < 0.3


def test_an_annotation_can_be_longer_than_its_video(root):
    assert len(labels(root, EXTRA)) == len(frames(root, EXTRA)) + video(EXTRA).extra_rows


def test_frame_times_can_be_uneven(root):
    steps = np.diff([time for time, _ in frames(root, UNEVEN)])
    assert steps.min() == pytest.approx(1 / 30, abs=2e-3)
    assert steps.max() > 1.9 / 30


def test_crops_are_missing_where_the_face_is_away_and_nowhere_else(root):
    count = len(frames(root, AWAY))
    missing = set(range(1, count + 1)) - set(crops(root, AWAY))
    assert missing
    assert all(any(s - 0.02 < k / count < e + 0.02 for s, e in video(AWAY).away) for k in missing)
    for clip in (f"{TWO}_left", f"{TWO}_right", VALIDATION, TEST):
        assert crops(root, clip) == list(range(1, len(frames(root, clip.split("_")[0])) + 1))


def test_a_crop_shows_its_own_frame(root):
    plan = video(VALIDATION)
    shown = [image for _, image in frames(root, VALIDATION)]
    (expressions,) = draw_scene(plan, SOME.seed).expressions
    centre = np.array([0.5, 0.47]) * plan.size
    for k in (0, 31, len(shown) - 1):
        face = cv2.imread(str(root / f"cropped_aligned/{VALIDATION}/{k + 1:05d}.jpg"))
        place = placement(expressions[k], centre, 0.295 * plan.size[1])
        unlike = [np.abs(crop(image, place)[..., ::-1] - face.astype(float)) for image in shown]
        assert abs(int(np.argmin([difference.mean() for difference in unlike])) - k) <= 1


def test_a_silent_video_has_a_sound_track_of_digital_silence(root):
    samples, _ = sound(root, SILENT)
    assert not samples.any()
    assert len(samples) / 16000 == pytest.approx(video(SILENT).seconds, abs=0.1)


@pytest.mark.parametrize("name", [TWO, AVI])
def test_sound_starts_with_the_first_frame(root, name):
    heard, rate = sound(root, name)
    meant = draw_scene(video(name), SOME.seed).sound.audio
    size = 2 * len(meant)
    likeness = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(meant, size).conj(), size)
    late = int(np.argmax(likeness))
    assert min(late, size - late) < 16  # a millisecond
    assert rate == 48000


def test_the_corpus_is_the_same_bytes_when_made_again(root, tmp_path):
    again = tmp_path / "again"
    names = [TWO, AVI]
    write(SOME.model_copy(update={"videos": names}), again)
    first = tree(root)
    second = {name: content for name, content in tree(again).items() if name != "test.txt"}
    assert len(second) > 100
    assert all(first[name] == content for name, content in second.items())


def test_another_seed_gives_other_states(tmp_path):
    one, other = (draw_scene(video(AWAY), seed) for seed in (3, 4))
    assert (
        np.abs(one.states[0].valence(one.times) - other.states[0].valence(one.times)).mean() > 0.05
    )
    assert one.sound.text != other.sound.text


# -------------------------------------------------------------------------------- around the making


def test_a_corpus_is_replaced_but_another_folder_is_not(root, tmp_path):
    short = Sample(seed=3, length=0.1, videos=["21-25-480x270"])
    place = tmp_path / "corpus"
    (tmp_path / ".corpus.partial/videos").mkdir(parents=True)  # of a run that was killed
    shutil.copytree(root, place)
    make(short, place)
    assert [path.name for path in (place / "videos").iterdir()] == ["21-25-480x270.mp4"]
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "video.mp4").write_text("mine")
    with pytest.raises(Problem, match="set corpus"):
        make(short, precious)
    assert (precious / "video.mp4").read_text() == "mine"


def test_a_video_that_is_not_in_the_cast_is_a_problem():
    with pytest.raises(Problem, match=r"names nobody.*3-25-480x270"):
        selected_videos(Sample(videos=["nobody"]))


def test_length_scales_every_video():
    assert [v.seconds for v in selected_videos(Sample(length=0.5))] == [
        v.seconds / 2 for v in VIDEOS
    ]
    assert video(TWO).fps == Fraction(30000, 1001)


def test_the_stage_makes_the_corpus_of_its_params(tmp_path):
    short = {"seed": 5, "length": 0.1, "videos": ["52-25-480x270"]}
    committed.params(tmp_path, sample=short, corpus={"root": "c"})
    done = subprocess.run(
        [sys.executable, "-m", "stages.sample"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sample: 1/1 videos" in done.stderr
    assert (tmp_path / "c/test.txt").read_text() == "52-25-480x270\n"

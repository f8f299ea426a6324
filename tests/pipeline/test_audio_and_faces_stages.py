"""The stages from a manifest to sound, spectrograms and faces, on two clips of one video."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import clips
import cv2
import numpy as np
import pytest

from rjcma import store
from rjcma.audio.windows import WINDOW_ROWS
from rjcma.manifest import write
from rjcma.problem import Problem, Problems
from stages import extract_audio, faces, logmel

DECODED, FPS = 17, 10.0


def clip(name, video="talk", frames=DECODED, **other):
    file, digest = f"videos/{video}.mkv", f"digest of {video}"
    about = {"video": video, "fps": FPS, "decoded": DECODED, "file": file, "video_digest": digest}
    return clips.clip(name, frames, **{**about, **other})


def video(path):
    """1.7 s of black frames and 0.5 s of a tone."""
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as container:
        picture = container.add_stream("ffv1", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for k in range(DECODED):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 10)
            container.mux(picture.encode(frame))
        tone = (9000 * np.sin(np.arange(8000))).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = 16_000, Fraction(1, 16_000), 0
        container.mux(sound.encode(frame))
        container.mux([*picture.encode(), *sound.encode()])


@pytest.fixture
def corpus(tmp_path):
    """A corpus, and a manifest of two clips of its one video, the second a few rows longer."""
    video(tmp_path / "videos/talk.mkv")
    crops = tmp_path / "crops/talk_left"
    crops.mkdir(parents=True)
    cv2.imwrite(str(crops / "00004.jpg"), np.full((21, 21, 3), 200, np.uint8))
    left = clip("talk_left", faces="crops/talk_left", faces_digest="1")
    write(tmp_path / "clips.jsonl", [left, clip("talk_right", frames=DECODED + 2)])
    layout = "videos: [videos], train: -, validation: -"
    params = f"faces: {{size: 11}}\ncorpus: {{root: '{tmp_path}', {layout}}}\n"
    (tmp_path / "params.yaml").write_text(params)
    return tmp_path


def names(folder: Path):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_two_clips_of_one_video_share_its_sound_and_have_spectrograms_of_their_own(corpus):
    manifest, audio, out = corpus / "clips.jsonl", corpus / "audio", corpus / "logmel"
    extract_audio.main(manifest, audio, corpus / "params.yaml")
    assert names(audio) == ["talk.wav"]
    with wave.open(str(audio / "talk.wav")) as file:
        assert file.getnframes() == 27_200
    logmel.main(manifest, audio, out)
    assert names(out) == ["talk_left.h5", "talk_right.h5"]
    for name, frames in [("talk_left", DECODED), ("talk_right", DECODED + 2)]:
        reader = store.FeatureReader(out / f"{name}.h5", clip=name, frames=frames, span=WINDOW_ROWS)
        assert reader.index.tolist() == [10 * k for k in range(frames)]
        loud = reader.read(0, frames).max((1, 2)) > np.log(0.011)
        assert loud.tolist() == [k < 5 for k in range(frames)]


def test_faces_have_the_size_of_the_params(corpus):
    out = corpus / "faces"
    faces.main(corpus / "clips.jsonl", out, corpus / "params.yaml")
    left = store.FeatureReader(out / "talk_left.h5", clip="talk_left", frames=DECODED)
    assert left.rows.shape == (1, 11, 11, 3)
    assert np.flatnonzero(left.index >= 0).tolist() == [3]
    right = store.FeatureReader(out / "talk_right.h5", clip="talk_right", frames=DECODED + 2)
    assert right.rows.shape == (0, 11, 11, 3)


def test_a_broken_crop_fails_its_clip_and_keeps_the_others(corpus):
    (corpus / "crops/talk_left/00009.jpg").write_bytes(b"\xff\xd8 and no more")
    with pytest.raises(Problems) as caught:
        out = corpus / "faces"
        faces.main(corpus / "clips.jsonl", out, corpus / "params.yaml")
    (problem,) = caught.value.problems
    assert problem.clip == "talk_left"
    assert problem.file.endswith("00009.jpg")
    assert names(corpus / "faces") == ["talk_right.h5"]


def test_a_missing_video_and_its_missing_sound_are_problems_of_their_clips(corpus):
    records = [clip("gone", video="gone"), clip("talk_left")]
    write(corpus / "clips.jsonl", records)
    manifest, audio, out = corpus / "clips.jsonl", corpus / "audio", corpus / "logmel"
    for stage, folder, kept in [
        (lambda: extract_audio.main(manifest, audio, corpus / "params.yaml"), audio, "talk.wav"),
        (lambda: logmel.main(manifest, audio, out), out, "talk_left.h5"),
    ]:
        with pytest.raises(Problems) as caught:
            stage()
        assert [problem.clip for problem in caught.value.problems] == ["gone"]
        assert names(folder) == [kept]


def test_sound_and_faces_are_kept_without_the_corpus_and_a_missing_file_is_to_be_pulled(corpus):
    stages = {extract_audio: "audio/talk.wav", faces: "faces/talk_left.h5"}
    for stage, file in stages.items():
        stage.main(corpus / "clips.jsonl", (corpus / file).parent, corpus / "params.yaml")
    text = (corpus / "params.yaml").read_text()
    (corpus / "params.yaml").write_text(text.replace(str(corpus), "/nowhere"))
    for stage, file in stages.items():
        before = (corpus / file).read_bytes()
        stage.main(corpus / "clips.jsonl", (corpus / file).parent, corpus / "params.yaml")
        assert (corpus / file).read_bytes() == before
        (corpus / file).unlink()
        with pytest.raises(Problem, match=f"{Path(file).stem}; and no corpus at /nowhere"):
            stage.main(corpus / "clips.jsonl", (corpus / file).parent, corpus / "params.yaml")

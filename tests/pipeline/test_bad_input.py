"""Wrong input to the stages, from the command line: each mistake is one line and a status."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import corpus_builder as build
import cv2
import numpy as np
import pytest
import tiny_corpus
from closure import ROOT
from ruamel.yaml import YAML

ROWS = "0.1,0.2\n" * 10
HEADER = "valence,arousal\n"
COMPACT = {"kind": "compact"}
INDEX = ("clips.jsonl", "labels", "corpus.json", "models.json", "engines.json")


def stage(*arguments: object, folder: Path) -> tuple[int, list[str]]:
    """Run a stage; -> its exit status and its lines of problems. It must print no traceback."""
    command = [sys.executable, "-m", *map(str, arguments)]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [line for line in done.stderr.splitlines() if "problem:" in line]


def params(folder: Path, **sections: object) -> Path:
    """The committed params with these sections replaced; models are found from any folder."""
    yaml, path = YAML(typ="safe", pure=True), folder / "params.yaml"
    committed = yaml.load(ROOT / "params.yaml")
    for section in ("speech", "punctuation"):
        committed[section]["model"] = str(ROOT / committed[section]["model"])
    yaml.dump({**committed, **sections}, path)
    return path


def spoil_corpus(root: Path) -> dict[str, str]:
    """Add clips that cannot be used, each for a different reason; -> their names, as keys."""
    videos, train = root / "videos", root / "VA" / "Train_Set"
    names = {}
    for name, content in {"no_video_at_all": b"words", "empty": b""}.items():
        (videos / f"{name}.mp4").write_bytes(content)
        build.annotation(train / f"{name}.txt", 11)
        names[name] = "problem"
    build.video(videos / "cut.mp4", 73)
    whole = (videos / "cut.mp4").read_bytes()
    (videos / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    build.annotation(train / "cut.txt", 73)
    texts = {
        "wrong_header": "arousal,valence\n" + ROWS,
        "missing_column": HEADER + "0.1\n" * 11,
        "text_for_a_number": HEADER + ROWS + "0.1,happy\n",
        "too_great": HEADER + ROWS + "0.1,3.0\n",
        "blank_line": HEADER + ROWS + "\n0.1,0.2\n",
        "no_rows": HEADER,
    }
    for name, text in texts.items():
        build.video(videos / f"{name}.mp4", 11)
        build.annotation(train / f"{name}.txt", 11, text)
    build.annotation(train / "without_video.txt", 11)
    for suffix in ("mp4", "avi"):
        build.video(videos / f"twice.{suffix}", 11, codec="mpeg4", sound=False)
    build.annotation(train / "twice.txt", 11)
    return names | dict.fromkeys(["cut", *texts, "without_video", "twice"], "problem")


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoilt")
    section = build.corpus(folder / "corpus")
    names = spoil_corpus(folder / "corpus")
    build.annotation(
        folder / "corpus/VA/Train_Set/a.txt",
        11,
        "\ufeffvalence,arousal\r\n" + "0.1,0.2\r\n" * 11,
    )
    section = {key: value for key, value in section.items() if key != "make"}
    params(folder, corpus=section)
    run = ("stages.index", *INDEX)
    return folder, section, set(names), stage(*run, folder=folder), run


def test_every_clip_that_cannot_be_used_has_one_line_and_the_status_is_not_0(spoilt):
    _, _, names, (status, lines), _ = spoilt
    assert status == 1
    assert sorted(line.split("clip ")[1].split(":")[0] for line in lines) == sorted(names)
    for line in lines:
        assert "; expected " in line and "; to do: " in line


@pytest.fixture(scope="module")
def usable(spoilt):
    """The folder, indexed without the clips that cannot be used; and what that printed."""
    folder, section, names, _, run = spoilt
    params(folder, corpus={**section, "exclude": sorted(names)})
    return folder, stage(*run, folder=folder)


def test_excluded_clips_are_ignored_and_a_byte_order_mark_and_crlf_are_accepted(usable):
    folder, indexed = usable
    assert indexed == (0, [])
    clips = [json.loads(line) for line in (folder / "clips.jsonl").read_text().splitlines()]
    assert {clip["name"] for clip in clips} == {"a", "b_left", "b_right", "c", "v", "t"}
    assert np.load(folder / "labels/a.npy").shape == (11, 2)


def test_a_broken_jpeg_fails_its_clip_and_the_other_clips_are_kept(usable):
    folder, _ = usable
    jpeg = cv2.imencode(".jpg", np.zeros((112, 112, 3), np.uint8))[1].tobytes()
    for path in (folder / "corpus/cropped_aligned").rglob("*.jpg"):
        path.write_bytes(jpeg)
    (folder / "corpus/cropped_aligned/c/00003.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    run = ("stages.faces", "clips.jsonl", "faces")
    status, lines = stage(*run, folder=folder)
    assert status == 1 and len(lines) == 1 and "clip c" in lines[0] and "00003.jpg" in lines[0]
    kept = {path.stem for path in (folder / "faces").glob("*.h5")}
    assert kept == {"a", "b_left", "b_right", "v", "t"}


def test_a_transcript_edited_into_nonsense_fails_its_clips_and_keeps_the_others(usable):
    folder, _ = usable
    (folder / "transcripts").mkdir()
    for name in ("a", "b", "c", "v", "t"):
        (folder / "transcripts" / f"{name}.json").write_text('{"words": []}')
    (folder / "transcripts/c.json").write_text('{"words": [{"text": "hello", "start": "soon"}]}')
    run = ("stages.embed_text", "clips.jsonl", "transcripts", "text")
    status, lines = stage(*run, folder=folder)
    assert status == 1 and len(lines) == 1 and "c.json" in lines[0]
    assert {path.stem for path in (folder / "text").glob("*.h5")} >= {"a", "b_left", "v"}


ODD = (
    *(" a  b ", "it's", 'say "hi"', "$(touch PWNED)", "`touch PWNED`", "a;touch PWNED;", "-rf"),
    *(".b", "a.", "a.b.mp4", "$x$_^{", "%s\\", "[abc]*", "Zo\xeb", "Jose\u0301", "видео", "😀"),
    *("n" * 220, "\xe9" * 110),
)
"""Names of videos that are unusual, but must do."""

FUTURE = 2**32
"""A time in 2106, to which no clock is set."""


def set_times(folder: Path, time: int) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (time, time))


def test_any_name_goes_through_the_stages_and_no_time_of_a_file_matters(tmp_path):
    section = build.corpus(tmp_path / "corpus")
    root = tmp_path / "corpus"
    names = [unicodedata.normalize("NFC", name) for name in ODD]
    jpeg = cv2.imencode(".jpg", np.zeros((112, 112, 3), np.uint8))[1].tobytes()
    for name in ODD:
        shutil.copy(root / "videos/t.mp4", root / "videos" / f"{name}.mp4")
        if name.startswith("."):  # an annotation with such a name would be hidden
            (root / "test.txt").write_text(f"t\n{name}\n")
        else:
            build.annotation(root / "VA/Train_Set" / f"{name}.txt", 5)
        build.crops(root / "cropped_aligned" / name, [1, 3])
    for path in (root / "cropped_aligned").rglob("*.jpg"):
        path.write_bytes(jpeg)
    params(tmp_path, corpus={**section, "make": []})
    runs = (
        ("index", *INDEX),
        ("extract_audio", "clips.jsonl", "audio"),
        ("faces", "clips.jsonl", "faces"),
        ("logmel", "clips.jsonl", "audio", "logmel"),
        ("transcribe", "clips.jsonl", "audio", "words"),
    )
    for name, *arguments in runs:
        assert stage(f"stages.{name}", *arguments, folder=tmp_path) == (0, [])
    outputs = {"audio": ".wav", "faces": ".h5", "logmel": ".h5", "words": ".json"}
    for folder, suffix in outputs.items():
        made = {path.name for path in (tmp_path / folder).iterdir()}
        assert made >= {".keys", *(name + suffix for name in names)}
    assert not list(tmp_path.rglob("PWNED"))

    inodes = {path: path.stat().st_ino for out in outputs for path in (tmp_path / out).iterdir()}
    set_times(tmp_path, FUTURE)
    for name, *arguments in runs[:4]:
        assert stage(f"stages.{name}", *arguments, folder=tmp_path) == (0, [])
    assert all(path.stat().st_ino == inode for path, inode in inodes.items())
    (tmp_path / "logmel/a..h5").write_bytes(b"")
    set_times(tmp_path, 1)
    assert stage("stages.logmel", *runs[3][1:], folder=tmp_path) == (0, [])
    assert (tmp_path / "logmel/a..h5").stat().st_size > 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    tiny_corpus.write(folder)
    yaml = YAML(typ="safe", pure=True)
    corpus = {**yaml.load(ROOT / "params.yaml")["corpus"], "folds": 2}
    params(folder, corpus=corpus)
    return folder


def train(folder: Path, fold: int = 0) -> tuple[int, list[str]]:
    features = ("faces", "logmel", "text")
    options = ("--target", "valence", "--fold", fold)
    arguments = ("clips.jsonl", "labels", *features, "engines.json", "out", *options)
    return stage("stages.train", *arguments, folder=folder)


def test_a_feature_cut_in_half_is_named_before_the_first_epoch(trained):
    path = trained / "logmel" / "cleo.h5"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    status, lines = train(trained)
    path.write_bytes(whole)
    assert status == 1 and len(lines) == 1
    assert "clip cleo" in lines[0] and "unreadable HDF5" in lines[0]


def test_a_missing_fold_is_one_line(trained):
    status, lines = train(trained, fold=2)
    assert status == 1 and len(lines) == 1 and "one of 0 to 1" in lines[0]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"recursions": 0}, "recursions = 0"),
        ({"windows": {"frame": 300}}, "windows.frame = 300"),
        ({"window": {"frames": 300}}, "key window"),
        ({"runs": {"targets": ["valence"], "folds": [0, 7]}}, "runs.folds"),
        (
            {"encoders": {"mode": "precompute", "visual": COMPACT, "audio": COMPACT}},
            "encoders.visual.mode and encoders.audio.mode, as it is called now",
        ),
        (
            {"fusion": {"kind": "rjcma", "variant": "released"}},
            "fusion.kind, rjcma for the paper's",
        ),
        ({"fusion": {"kind": "concat", "heads": 4}}, "fusion.heads = 4"),
        ({"training": {"device": "gpu0"}}, "training.device"),
        ({"training": {"rate": 0.1}}, "training.learning_rate, as it is called now"),
        ({"speech": {"engine": "vosk", "model": "models/none"}}, "models/none"),
        ({"text": {"model": "no/such/model"}}, "text.model: no/such/model"),
        ({"corpus": {"root": "x", "videos": "y", "train": "t", "validation": "v"}}, "a list"),
    ],
)
def test_a_mistake_in_the_params_is_one_line(tmp_path, sections, message):
    params(tmp_path, **sections)
    status, lines = stage("rjcma.cli", "check", folder=tmp_path)
    assert status == 1 and len(lines) == 1 and message in lines[0]

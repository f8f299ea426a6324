"""Stage index: the manifest of a corpus, and the audit's notes and problems."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import committed
import numpy as np
import places
import pytest
from corpus_builder import annotation, corpus, crops, video
from ruamel.yaml import YAML

from rjcma import manifest
from rjcma.corpus import video as videos
from rjcma.corpus.audit import Audit, Wanted, audit
from rjcma.corpus.probe import Probe
from rjcma.corpus.settings import Corpus
from rjcma.corpus.summary import summary
from rjcma.jobs.memory import Memory
from rjcma.params import checked, load
from rjcma.problem import Problem, Problems

ROOT = places.ROOT
CLIPS = ["a", "b_left", "b_right", "c", "t", "v"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("original") / "corpus"
    corpus(root)
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    """A corpus that the test may change."""
    return Path(shutil.copytree(original, tmp_path / "corpus"))


def _section(root: Path, **changes: object) -> dict[str, object]:
    """The section `corpus` for a corpus that `corpus_builder.corpus` has made."""
    section = {"root": str(root), "faces": ["cropped_aligned"], "train": "VA/Train_Set"}
    section |= {"validation": "VA/Validation_Set", "test": "test.txt", "folds": 3}
    return {"make": [], **section, "videos": ["videos"], **changes}


def _audit(root: Path, modalities: Collection[str] = (), **changes: object) -> Audit:
    """The audit of this corpus with changed settings, for these modalities."""
    settings = checked(Corpus, _section(root, **changes), "corpus", "")
    return audit(settings, Memory(root.parent / "memory.jsonl"), Wanted(modalities))


def _problems(found: Audit) -> list[Problem]:
    with pytest.raises(Problems) as raised:
        found.findings.check()
    return raised.value.problems


def _notes(found: Audit) -> dict[str, list[str]]:
    notes: dict[str, list[str]] = {}
    for note in found.findings.notes:
        notes.setdefault(note.what, []).append(f"{note.name} {note.detail}".strip())
    return notes


def _note(found: Audit, words: str) -> list[str]:
    """The names and details of the only kind of note with these words."""
    notes = [what for what in _notes(found) if words in what]
    assert len(notes) == 1, _notes(found)
    return _notes(found)[notes[0]]


def test_a_valid_corpus_gives_every_clip_with_its_own_frames(root: Path) -> None:
    found = _audit(root)
    found.findings.check()
    clips = {clip.name: clip for clip in found.clips}
    assert list(clips) == CLIPS
    frames = {name: clip.frames for name, clip in clips.items()}
    assert frames == {"a": 11, "b_left": 13, "b_right": 13, "c": 7, "t": 5, "v": 11}
    assert {clip.partition for clip in clips.values()} == {"train", "validation", "test"}
    assert clips["v"].partition == "validation" and clips["t"].partition == "test"
    assert {name: labels.shape for name, labels in found.labels.items()} == {
        name: (frames[name], 2) for name in CLIPS if name != "t"
    }


def test_two_people_share_their_video_and_have_their_own_faces(root: Path) -> None:
    found = _audit(root)
    left, right = (clip for clip in found.clips if clip.video == "b")
    assert (left.name, right.name) == ("b_left", "b_right")
    assert left.file == right.file == "videos/b.mp4"
    assert left.video_digest == right.video_digest
    assert (left.faces, right.faces) == ("cropped_aligned/b_left", "cropped_aligned/b_right")
    assert _note(found, "clips of the same video") == ["b b_left/b_right"]


def test_a_clip_is_of_the_video_with_its_own_name_if_there_is_one(root: Path) -> None:
    video(root / "videos" / "b_left.mp4", 13)
    found = _audit(root)
    assert {clip.name: clip.video for clip in found.clips if clip.name[0] == "b"} == {
        "b_left": "b_left",
        "b_right": "b",
    }


def test_several_folders_and_globs_are_one_corpus(root: Path) -> None:
    for name, batch in {"a": "batch1", "b": "batch2", "c": "new_vids"}.items():
        (root / batch).mkdir()
        (root / "videos" / f"{name}.mp4").rename(root / batch / f"{name}.mp4")
    (root / "crops2").mkdir()
    (root / "cropped_aligned" / "a").rename(root / "crops2" / "a")
    folders = {"videos": ["batch*", "new_vids", "videos/*.mp4"], "faces": ["crop*"]}
    found = _audit(root, **folders)
    found.findings.check()
    assert [clip.name for clip in found.clips] == CLIPS
    assert found.clips[0].faces == "crops2/a"
    assert found.clips[0].file == "batch1/a.mp4"


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(root: Path) -> None:
    (root / "videos").rename(root / "videos [1]")
    assert [clip.name for clip in _audit(root, videos=["videos [1]"]).clips] == CLIPS


def test_a_clips_frames_are_its_rows_if_they_differ_a_little_from_the_videos(root: Path) -> None:
    annotation(root / "VA/Train_Set/a.txt", 14)
    annotation(root / "VA/Train_Set/c.txt", 5)
    found = _audit(root)
    found.findings.check()
    a, c = found.clips[0], found.clips[3]
    assert (a.frames, a.decoded, c.frames, c.decoded) == (14, 11, 5, 7)
    np.testing.assert_allclose(a.frame_times(), np.arange(14) / 25)
    assert _note(found, "longer (+) or shorter (-)") == ["a +3", "c -2"]


def test_rows_beyond_irregular_times_follow_at_the_average_rate(root: Path) -> None:
    video(root / "videos/c.mp4", 5, 25, stamps=[0, 40, 120, 160, 200], sound=False)
    found = _audit(root)
    clip = found.clips[3]
    assert clip.times == (0.0, 0.04, 0.12, 0.16, 0.2) and clip.fps == pytest.approx(20)
    np.testing.assert_allclose(clip.frame_times()[-3:], [0.2, 0.25, 0.3])
    assert _note(found, "irregular frame times") == ["c 20.00 fps on average"]
    assert _note(found, "no audio stream: taken as silence") == ["c"]


def test_a_clip_without_crops_has_no_folder(root: Path) -> None:
    for path in (root / "cropped_aligned/a").iterdir():
        path.unlink()
    (root / "cropped_aligned/c").rename(root / "elsewhere")
    found = _audit(root)
    found.findings.check()
    assert [clip.faces for clip in found.clips if clip.name in "ac"] == [None, None]
    assert _note(found, "no face crops: every frame is black") == ["a", "c"]


def test_what_is_unusual_is_noted_and_accepted(root: Path) -> None:
    video(root / "videos/another_task.mp4", 3)
    (root / "videos/readme.pdf").write_text("")
    (root / "VA/Train_Set/notes.md").write_text("")
    (root / "VA/Train_Set/.DS_Store").write_text("")
    (root / "test.txt").write_bytes(b"\xef\xbb\xbft\r\nt\r\n\r\n")
    crops(root / "cropped_aligned/t", [6])
    (root / "cropped_aligned/t/Thumbs.db").write_text("")
    annotation(root / "VA/Train_Set/c.txt", 0, "valence,arousal\n" + "-5,-5\n" * 7)
    found = _audit(root)
    found.findings.check()
    assert _note(found, "videos without annotation") == ["another_task"]
    assert _note(found, "suffix is not a video's") == ["readme.pdf"]
    assert _note(found, "not .txt") == ["notes.md"]
    assert _note(found, "twice in the test list") == ["t line 2"]
    assert _note(found, "crops beyond the last frame") == ["t to 6"]
    assert _note(found, "no frame is labelled") == ["c"]


def test_the_summary_counts_each_partition(root: Path) -> None:
    annotation(root / "VA/Train_Set/c.txt", 0, "valence,arousal\n" + "0,0\n" + "-5,-5\n" * 6)
    lines = summary(_audit(root)).splitlines()
    assert lines[1].split() == ["train", "4", "3", "44", "0:00:02", "86.4%"]
    assert lines[3].split() == ["test", "1", "1", "5", "0:00:00", "-"]
    assert lines[4].split() == ["all", "6", "5", "60", "0:00:02", "89.1%"]
    assert lines[5] == "note: clips of the same video (they stay in one fold) (1): b b_left/b_right"


def test_a_name_in_composed_and_in_decomposed_letters_is_one_clip(root: Path) -> None:
    composed, decomposed = "Jos\xe9_left", "Jose\u0301_left"
    (root / "videos/a.mp4").rename(root / "videos/Jose\u0301.mp4")
    (root / "VA/Train_Set/a.txt").rename(root / "VA/Train_Set" / f"{composed}.txt")
    (root / "cropped_aligned/a").rename(root / "cropped_aligned" / decomposed)
    found = _audit(root)
    found.findings.check()
    [clip] = [clip for clip in found.clips if clip.name == composed]
    assert clip.video == "Jos\xe9" and (root / clip.file).is_file()
    assert clip.faces == f"cropped_aligned/{decomposed}"
    assert not _notes(found).keys() & {"no face crops: every frame is black"}
    for name in (composed, decomposed):
        assert composed not in {clip.name for clip in _audit(root, exclude=[name]).clips}


def test_a_link_in_a_circle_changes_nothing(root: Path) -> None:
    before = _audit(root).clips
    for folder in ("videos", "cropped_aligned", "cropped_aligned/a", "VA/Train_Set"):
        (root / folder / "loop").symlink_to(root / folder)
        (root / folder / "itself").symlink_to("itself")
    for pattern in ("videos", "**", "videos/**/*.mp4"):
        found = _audit(root, videos=[pattern])
        found.findings.check()
        assert found.clips == before


def test_what_is_named_like_a_video_but_is_no_file_is_noted(root: Path) -> None:
    for name in "abcv":
        (root / "videos" / f"{name}.mp4").rename(root / f"{name}.mp4")
    (root / "videos/a.mp4").mkdir()
    os.mkfifo(root / "videos/b.mp4")
    (root / "videos/c.mp4").symlink_to("c.mp4")
    (root / "videos/v.mp4").symlink_to("nowhere")
    found = _audit(root)
    assert _note(found, "named like videos") == ["a.mp4", "b.mp4", "c.mp4", "v.mp4"]
    assert [problem.clip for problem in _problems(found)] == ["a", "b_left", "b_right", "c", "v"]


def test_names_that_cannot_be_printed_are_printed_as_literals(root: Path) -> None:
    (root / os.fsdecode(b"videos/lat\xe9.pdf")).write_text("")
    assert "(1): 'lat\\udce9.pdf'" in "\n".join(_audit(root).findings.lines())


def _named(name: str) -> Callable[[Path], None]:
    """Add a clip of this name."""

    def add(root: Path) -> None:
        shutil.copy(root / "videos/a.mp4", root / "videos" / f"{name}.mp4")
        shutil.copy(root / "VA/Train_Set/a.txt", root / "VA/Train_Set" / f"{name}.txt")

    return add


def _crop(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Replace a crop of clip a by what `make` makes."""

    def replace(root: Path) -> None:
        path = root / "cropped_aligned/a/00003.jpg"
        path.unlink()
        make(path)

    return replace


def _lost_crops(root: Path) -> None:
    shutil.rmtree(root / "cropped_aligned/a")
    (root / "cropped_aligned/a").symlink_to("nowhere")


def _twin_videos(root: Path) -> None:
    _named("\xe9")(root)
    shutil.copy(root / "videos/a.mp4", root / "videos/e\u0301.mp4")


def _replaced(path: str, content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / path).write_bytes(content)


def _cut(root: Path) -> None:
    video(root / "videos/t.mp4", 50, muxing={"movflags": "faststart"})
    os.truncate(root / "videos/t.mp4", (root / "videos/t.mp4").stat().st_size * 6 // 10)


def _cut_and_annotated(root: Path) -> None:
    _cut(root)
    (root / "videos/t.mp4").rename(root / "videos/a.mp4")
    annotation(root / "VA/Train_Set/a.txt", 100)
    video(root / "videos/t.mp4", 5)


HEAD = b"valence,arousal\n"
BAD: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "not a video": (_replaced("videos/a.mp4", b"text"), "a", "a.mp4", "that cannot be opened"),
    "zero bytes": (_replaced("videos/a.mp4", b""), "a", "a.mp4", "zero bytes"),
    "cut, unannotated": (_cut, "t", "t.mp4", "a file that is cut off after"),
    "cut, annotated": (_cut_and_annotated, "a", "a.txt", "100 rows"),
    "rows of another video": (
        lambda root: annotation(root / "VA/Train_Set/a.txt", 53),
        "a",
        "a.txt",
        "53 rows, 1.7 s too many",
    ),
    "value": (_replaced("VA/Train_Set/c.txt", HEAD + b"0,3.0\n"), "c", "c.txt", "3.0 in line 2"),
    "header": (_replaced("VA/Train_Set/c.txt", b"v,a\n0,0\n"), "c", "c.txt", "the header 'v,a'"),
    "no video": (
        lambda root: annotation(root / "VA/Train_Set/d_left.txt", 5),
        "d_left",
        "d_left.txt",
        "no video with the stem d_left or d in videos",
    ),
    "test clip without video": (_replaced("test.txt", b"t\nu\n"), "u", "test.txt", "stem u in"),
    "annotated test clip": (_replaced("test.txt", b"t\na\n"), "a", "test.txt", "in line 2"),
    "two videos of one stem": (
        lambda root: video(root / "videos/c.mkv", 7),
        "c",
        "c.mkv",
        "another path for the same name",
    ),
    "two partitions": (
        lambda root: annotation(root / "VA/Validation_Set/a.txt", 11),
        "a",
        "Validation_Set/a.txt",
        "another annotation of this clip",
    ),
    "crop's name": (
        _replaced("cropped_aligned/a/face.jpg", b""),
        "a",
        "cropped_aligned/a",
        "face.jpg",
    ),
    "crop 0": (_replaced("cropped_aligned/a/00000.jpg", b""), "a", "aligned/a", "00000.jpg"),
    "crop twice": (
        _replaced("cropped_aligned/a/1.JPG", b""),
        "a",
        "aligned/a",
        "00001.jpg and 1.JPG",
    ),
    "crop that is a pipe": (_crop(os.mkfifo), "a", "00003.jpg", "a pipe or a device, not a file"),
    "crop that is a folder": (_crop(Path.mkdir), "a", "00003.jpg", "a folder, a pipe"),
    "crop that links to itself": (
        _crop(lambda path: path.symlink_to(path)),
        "a",
        "00003.jpg",
        "Too many levels of symbolic links",
    ),
    "crops that are not there": (_lost_crops, "a", "aligned/a", "No such file or directory"),
    "two lines": (_named("a\nb"), "a\nb", "a\nb.txt", r"'\n' in the name"),
    "end of a line": (_named("a\u2028b"), "a\u2028b", ".txt", r"'\u2028' in the name"),
    "not UTF-8": (_named("a\udce9"), "a\udce9", ".txt", r"'\udce9' in the name"),
    "long name": (_named("n" * 221), "n" * 221, ".txt", "a name of 221 bytes"),
    "long name, two bytes each": (_named("\xe9" * 120), "\xe9" * 120, ".txt", "240 bytes"),
    "other capitals": (
        lambda root: [
            video(root / "videos/A.mp4", 11),
            annotation(root / "VA/Train_Set/A.txt", 11),
        ],
        "a",
        "a.mp4",
        "clip A, whose name, or whose video's, differs only in capitals",
    ),
    "other capitals of the video": (
        lambda root: [
            video(root / "videos/D.mp4", 11),
            video(root / "videos/d.mp4", 11),
            annotation(root / "VA/Train_Set/D_right.txt", 11),
            annotation(root / "VA/Train_Set/d_left.txt", 11),
        ],
        "d_left",
        "d.mp4",
        "clip D_right, whose name, or whose video's, differs only in capitals",
    ),
    "two forms of one name": (_twin_videos, "\xe9", ".mp4", r"('\xe9.mp4', not 'e\u0301.mp4')"),
    "crops of another video": (
        lambda root: crops(root / "cropped_aligned/t", [31]),
        "t",
        "cropped_aligned/t",
        "a crop of frame 31",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_one_line_and_the_others_are_examined(root: Path, case: str) -> None:
    spoil, clip, file, words = BAD[case]
    spoil(root)
    found = _audit(root)
    [problem] = _problems(found)
    assert problem.clip == clip
    assert file in problem.file
    assert words in problem.found
    assert len(str(problem).splitlines()) == 1
    others = set(CLIPS) - {clip}
    assert others <= {found_clip.name for found_clip in found.clips}


@pytest.mark.parametrize("case", sorted(set(BAD) - {"two partitions", "annotated test clip"}))
def test_excluding_the_clip_solves_its_problem(root: Path, case: str) -> None:
    spoil, clip, *_ = BAD[case]
    spoil(root)
    annotation(root / "VA/Train_Set/e.txt", 5)
    video(root / "videos/e.mp4", 5)
    problem = _problems(_audit(root))[0]
    assert "corpus.exclude" in problem.cure
    found = _audit(root, exclude=[clip])
    found.findings.check()
    assert clip not in {found_clip.name for found_clip in found.clips}


def test_a_higher_tolerance_accepts_a_longer_annotation(root: Path) -> None:
    annotation(root / "VA/Train_Set/a.txt", 53)
    assert _audit(root, tolerance=2.0).clips[0].frames == 53


def test_all_problems_are_found_before_any_is_reported(root: Path) -> None:
    for case in ("not a video", "value", "test clip without video"):
        BAD[case][0](root)
    assert [problem.clip for problem in _problems(_audit(root))] == ["a", "c", "u"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"videos": ["vids"]}, "vids: found no such file or folder"),
        ({"videos": ["VA/*"]}, "no video in"),
        ({"faces": ["crops*"]}, "for corpus.faces"),
        ({"train": "VA/Train"}, "correct corpus.train"),
        ({"validation": "videos"}, "found no annotation"),
        ({"test": "tests.txt"}, "tests.txt: found No such file"),
    ],
)
def test_a_missing_folder_is_one_line(root: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(Problem) as problem:
        _audit(root, **changes)
    assert words in str(problem.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exclude": ["nobody"]}, "clip nobody: corpus.exclude: found no clip"),
        ({"folds": 5}, "found 5 folds; expected at most 4"),
        ({"faces": ["videos"]}, "no face crop of any clip in videos"),
    ],
)
def test_settings_that_do_not_fit_the_corpus_are_problems(
    root: Path, changes: dict[str, object], words: str
) -> None:
    [problem] = _problems(_audit(root, **changes))
    assert words in str(problem)


@pytest.fixture
def mute(root: Path) -> Path:
    """A corpus without any audio stream."""
    for path in (root / "videos").iterdir():
        video(path, {"a": 11, "b": 13, "c": 7, "v": 11, "t": 5}[path.stem], sound=False)
    return root


@pytest.mark.parametrize(
    ("modalities", "missing"),
    [
        (["visual", "audio", "text"], "audio and text"),
        (["text", "visual"], "text"),
        (["visual", "audio"], "audio"),
    ],
)
def test_a_corpus_without_sound_is_a_problem_if_sound_is_used(
    mute: Path, modalities: list[str], missing: str
) -> None:
    [problem] = _problems(_audit(mute, modalities))
    assert problem.found == "no video with an audio stream in the whole corpus"
    assert problem.expected.endswith(f"since fusion.modalities has {missing}")
    assert problem.cure == "set fusion.modalities: [visual] to go on without it"


def test_a_corpus_without_sound_is_no_problem_if_only_faces_are_used(mute: Path) -> None:
    found = _audit(mute, ["visual"])
    found.findings.check()
    assert [clip.sound for clip in found.clips] == [False] * len(CLIPS)


@pytest.mark.parametrize(
    ("modalities", "rest"),
    [
        (["visual", "audio", "text"], "[audio, text]"),
        (["text", "visual"], "[text]"),
        (["visual", "audio"], "[audio]"),
    ],
)
def test_a_corpus_without_crops_is_a_problem_if_faces_are_used(
    root: Path, modalities: list[str], rest: str
) -> None:
    [problem] = _problems(_audit(root, modalities, faces=[]))
    assert problem.file == "corpus.faces"
    assert problem.found == "no face crops in the whole corpus"
    assert problem.cure.startswith("set faces.detector to find faces in the videos, or set ")
    assert problem.cure.endswith(f"fusion.modalities: {rest} to go on without it")


@pytest.mark.parametrize("modalities", [["audio"], ["audio", "text"], ["text"]])
def test_a_corpus_without_crops_is_no_problem_if_no_faces_are_used(
    root: Path, modalities: list[str]
) -> None:
    found = _audit(root, modalities, faces=[])
    found.findings.check()
    assert [clip.faces for clip in found.clips] == [None] * len(CLIPS)


def test_one_clip_with_sound_and_one_with_crops_are_enough(mute: Path) -> None:
    video(mute / "videos/c.mp4", 7)
    for name in set(CLIPS) - {"v"}:
        shutil.rmtree(mute / "cropped_aligned" / name)
    found = _audit(mute, ["visual", "audio", "text"])
    found.findings.check()
    assert [clip.name for clip in found.clips if clip.sound] == ["c"]
    assert [clip.name for clip in found.clips if clip.faces] == ["v"]


@pytest.mark.parametrize(("modality", "key"), [("visual", "faces"), ("text", "videos")])
def test_if_no_modality_is_left_the_cure_is_the_section_corpus(
    mute: Path, modality: str, key: str
) -> None:
    [problem] = _problems(_audit(mute, [modality], faces=[]))
    assert problem.file == f"corpus.{key}"
    assert problem.cure.endswith("correct the paths in the section corpus")


def test_a_corpus_with_neither_faces_nor_sound_is_two_problems_at_once(mute: Path) -> None:
    problems = _problems(_audit(mute, ["visual", "audio", "text"], faces=[]))
    assert [problem.file for problem in problems] == ["corpus.faces", "corpus.videos"]


def test_the_problem_of_a_missing_corpus_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"set corpus\.root .*Aff-Wild2 is available"):
        _audit(tmp_path / "nowhere")
    with pytest.raises(Problem, match="dvc repro"):
        _audit(tmp_path / "nowhere", make=["sample"])


@pytest.mark.parametrize(
    ("key", "value"),
    [("train", "/abs"), ("videos", ["../up"]), ("videos", []), ("folds", 1), ("tolerance", -1)],
)
def test_impossible_settings_are_refused_by_key(tmp_path: Path, key: str, value: object) -> None:
    section = {"root": "r", "videos": ["v"], "train": "t", "validation": "w", key: value}
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump({"corpus": section}, file)
    with pytest.raises(Problem, match=rf"found corpus\.{key}"):
        load(tmp_path / "params.yaml", "corpus", Corpus)


def test_a_second_audit_decodes_and_reads_nothing_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _audit(root)
    opened: list[Path] = []
    monkeypatch.setattr(videos, "probe", lambda path: opened.append(path))
    monkeypatch.setattr("rjcma.corpus.crops.digest_read", lambda path: opened.append(path))
    assert _audit(root).clips == first.clips
    assert opened == []


def test_changed_code_reads_everything_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _audit(root)
    decoded: list[str] = []
    real = videos.probe
    monkeypatch.setattr(videos, "probe", lambda path: decoded.append(path.stem) or real(path))
    monkeypatch.setattr("rjcma.jobs.code.digest", lambda modules: "another")
    assert _audit(root).clips == first.clips
    assert sorted(decoded) == ["a", "b", "c", "t", "v"]


def test_an_unexpected_error_is_the_problem_of_one_video(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = videos.probe

    def probe(path: Path) -> Probe:
        if path.stem == "b":
            raise IndexError("list index out of range")
        return real(path)

    monkeypatch.setattr(videos, "probe", probe)
    found = _audit(root)
    assert [problem.clip for problem in _problems(found)] == ["b_left", "b_right"]
    assert all("IndexError: list index" in problem.found for problem in _problems(found))
    assert [clip.name for clip in found.clips] == ["a", "c", "t", "v"]


def test_a_changed_crop_changes_the_digest_of_its_clip_only(root: Path) -> None:
    before = {clip.name: clip for clip in _audit(root).clips}
    (root / "cropped_aligned/b_left/00003.jpg").write_bytes(b"another")
    after = {clip.name: clip for clip in _audit(root).clips}
    assert {name for name in before if before[name] != after[name]} == {"b_left"}


def test_a_changed_annotation_of_the_same_length_changes_no_clip(root: Path) -> None:
    before = _audit(root).clips
    annotation(root / "VA/Train_Set/c.txt", 0, "valence,arousal\n" + "-5,-5\n" * 7)
    assert _audit(root).clips == before


def test_an_incomplete_or_foreign_line_in_the_memory_is_ignored(root: Path) -> None:
    first = _audit(root)
    memory = root.parent / "memory.jsonl"
    lines = memory.read_text().splitlines(keepends=True)
    memory.write_text("[1]\n" + "{}\n" + '["a b", 3]\n' + "".join(lines)[:-9])
    assert _audit(root).clips == first.clips
    assert Memory(memory).values.keys() >= {"a b"}
    assert _audit(root).clips == first.clips


def test_a_manifest_comes_back_sorted(root: Path) -> None:
    clips = _audit(root).clips
    manifest.write(root / "clips.jsonl", reversed(clips))
    assert manifest.read(root / "clips.jsonl") == clips


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("{", "in line 1, not "),
        ('{"name": "a"}\n', "found video = no value in line 1, not a value"),
        ("TWICE", "occur twice"),
    ],
)
def test_a_file_that_is_not_a_manifest_is_one_line(
    root: Path, content: str | None, words: str
) -> None:
    path = root / "clips.jsonl"
    if content == "TWICE":
        content = _audit(root).clips[0].model_dump_json() + "\n"
        content += content
    if content is not None:
        path.write_text(content)
    with pytest.raises(Problem) as problem:
        manifest.read(path)
    assert words in str(problem.value)


def _stage(folder: Path, **sections: object) -> subprocess.CompletedProcess[str]:
    """Run the stage in a folder with the committed params and these changed sections."""
    committed.params(folder, **sections)
    outs = ["data/clips.jsonl", "data/labels", "data/corpus.json", "data/models.json"]
    outs.append("data/engines.json")
    return subprocess.run(
        [sys.executable, "-m", "stages.index", *outs],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


ANNOTATION_OF_C = "VA/Train_Set/c.txt"


def test_the_stage_writes_the_same_bytes_again_and_nothing_while_there_is_a_problem(
    root: Path, tmp_path: Path
) -> None:
    section = _section(root)
    first = _stage(tmp_path, corpus=section)
    assert first.returncode == 0, first.stderr
    assert "validation" in first.stdout
    written = {
        path.relative_to(tmp_path).as_posix(): (path.read_bytes(), path.stat().st_ino)
        for path in sorted((tmp_path / "data").rglob("*.*"))
    }
    labels = [f"data/labels/{name}.npy" for name in CLIPS if name != "t"]
    labels = sorted([*labels, "data/labels/targets.json"])
    others = ["data/clips.jsonl", "data/corpus.json", "data/engines.json", "data/models.json"]
    assert list(written) == sorted([*others, *labels])
    whole = {path: path.read_bytes() for path in (root / "videos/a.mp4", root / ANNOTATION_OF_C)}
    (root / "videos/a.mp4").write_bytes(b"")
    annotation(root / ANNOTATION_OF_C, 7, "valence,arousal\n0\n")
    second = _stage(tmp_path, corpus=section)
    assert second.returncode == 1
    problems = [line for line in second.stderr.splitlines() if "found" in line]
    assert len(problems) == 2 and all(line.startswith("problem: clip ") for line in problems)
    assert "Traceback" not in second.stderr
    for path, content in whole.items():
        path.write_bytes(content)
    assert _stage(tmp_path, corpus=section).returncode == 0
    assert written == {
        name: ((tmp_path / name).read_bytes(), (tmp_path / name).stat().st_ino) for name in written
    }


def test_the_stage_requires_the_modalities_of_the_params(root: Path, tmp_path: Path) -> None:
    section = _section(root, faces=[])
    stopped = _stage(tmp_path, corpus=section)
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("problem: corpus.faces: found no face crops in the whole")
    assert "set fusion.modalities: [audio, text] to go on" in stopped.stderr
    done = _stage(tmp_path, corpus=section, fusion={"modalities": ["audio", "text"]})
    assert (done.returncode, done.stderr) == (0, "")


def test_the_real_corpus_is_valid() -> None:
    if "RJCMA_SHARED" not in os.environ:
        pytest.skip("RJCMA_SHARED names no folder with corpus_real")
    root = Path(os.environ["RJCMA_SHARED"]) / "corpus_real"
    folders = {"train": "annotations/VA/train", "validation": "annotations/VA/validation"}
    settings = {"root": str(root), "videos": ["videos"], "faces": ["cropped_aligned"]}
    section = checked(Corpus, settings | folders | {"test": "test.txt", "folds": 6}, "corpus", "")
    found = audit(section, Memory(Path(os.devnull)))
    found.findings.check()
    frames = {clip.name: clip.frames for clip in found.clips}
    assert len(frames) == 13
    assert (frames["astorfi"], frames["retalk_1"], frames["hamilton"]) == (209, 135, 275)
    assert [note.name for note in found.findings.notes] == ["retalk_1"]

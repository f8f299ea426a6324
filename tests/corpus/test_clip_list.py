"""A corpus that a list of clips describes: its rows, stretches, groups, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from corpus_builder import crops, video

from rjcma.corpus import labels
from rjcma.corpus.audit import Audit, Wanted, audit
from rjcma.corpus.index import Index, index
from rjcma.corpus.settings import Corpus
from rjcma.corpus.summary import summary
from rjcma.jobs.memory import Memory
from rjcma.manifest import Clip, read
from rjcma.params import checked
from rjcma.problem import Problem

HEADER = "clip,video,annotation,partition,group,person,start,end,gender\n"
WHOLE = "anna,videos/one.mp4,ratings/one.csv,train,,,,,woman\n"
REST = (
    "bert,videos/two.mp4,ratings/two.csv,train,pair,left,,,\n"
    "cleo,videos/two.mp4,ratings/two.csv,train,pair,right,,,\n"
    "dora,videos/three.mp4,ratings/three.csv,dev,,,0.4,1.2,\n"
)
ROWS = WHOLE + REST
FRAMES = {"one": 25, "two": 15, "three": 50}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three videos of 25 frames per second, with ratings every 0.1 s from 0 to 1."""
    root = tmp_path / "corpus"
    for stem, frames in FRAMES.items():
        video(root / f"videos/{stem}.mp4", frames)
        times = np.arange(0, frames / 25 + 0.05, 0.1)
        lines = [f"{t:.1f},{t / 10:.3f},{-t / 5:.3f}\n" for t in times]
        (root / "ratings").mkdir(exist_ok=True)
        (root / f"ratings/{stem}.csv").write_text("time,engagement,dominance\n" + "".join(lines))
    (root / "clips.csv").write_text(HEADER + ROWS)
    return root


def section(root: Path, **changes: object) -> dict[str, object]:
    corpus = {"layout": "list", "root": str(root), "list": "clips.csv", "folds": 2}
    return {**corpus, "targets": ["engagement", "dominance"], **changes}


def audited(root: Path, **changes: object) -> Audit:
    settings = checked(Corpus, section(root, **changes), "corpus", "")
    return audit(settings, Memory(root.parent / "memory.jsonl"), Wanted((), [0], True))


def clips(found: Audit) -> dict[str, Clip]:
    found.findings.check()
    return {clip.name: clip for clip in found.clips}


def only_problem(found: Audit) -> str:
    [problem] = found.findings.problems
    line = str(problem)
    assert "\n" not in line
    return line


def test_a_list_gives_the_manifest_and_labels_on_the_frames_of_the_video(root: Path) -> None:
    found = audited(root)
    by_name = clips(found)
    assert list(by_name) == ["anna", "bert", "cleo", "dora"]
    anna, bert, cleo, dora = by_name.values()
    assert (anna.video, anna.partition, anna.frames, anna.stretch) == ("one", "train", 25, False)
    assert (bert.video, bert.person, bert.group) == ("two", "left", "pair")
    assert (cleo.video, cleo.person, cleo.together) == ("two", "right", "pair")
    assert (anna.details, bert.details) == ({"gender": "woman"}, {})
    assert (dora.partition, dora.first, dora.frames, dora.stretch) == ("validation", 10, 20, True)
    np.testing.assert_allclose(dora.frame_times(), 0.4 + np.arange(20) / 25)
    for name, clip in by_name.items():
        times = clip.frame_times()
        expected = np.stack([times / 10, -times / 5], axis=1)
        np.testing.assert_allclose(found.labels[name], expected, atol=1e-6)


def test_json_lines_and_other_delimiters_give_the_same_manifest(root: Path) -> None:
    first = clips(audited(root))
    (root / "clips.tsv").write_text((HEADER + ROWS).replace(",", "\t"))
    (root / "clips.txt").write_text((HEADER + ROWS).replace(",", " ; "))
    names = HEADER.strip().split(",")
    cells = [dict(zip(names, row.split(","))) for row in ROWS.splitlines()]
    cells[3] |= {"start": 0.4, "end": 1.2}
    cells[0]["start"] = None
    (root / "clips.jsonl").write_text("".join(f"{json.dumps(row)}\n\n" for row in cells))
    (root / "bom.csv").write_text("\ufeff" + (HEADER + ROWS).replace("\n", "\r\n") + ",,,\r\n")
    for name in ("clips.tsv", "clips.txt", "clips.jsonl", "bom.csv"):
        assert clips(audited(root, list=name)) == first, name


@pytest.mark.parametrize("name", ["mean", "frame", "Time", "face", "word"])
def test_a_target_is_not_called_as_a_column_of_our_tables(root: Path, name: str) -> None:
    with pytest.raises(Problem, match=r"corpus\.targets.*tables have these"):
        checked(Corpus, section(root, targets=["engagement", name]), "corpus", "")


def test_the_index_has_the_names_and_ranges_of_the_targets(root: Path) -> None:
    ratings = {"range": {"engagement": [0, 10], "dominance": [-2, 2]}}
    settings = checked(Corpus, section(root, annotations=ratings), "corpus", "")
    data = root.parent / "data"
    files = Index(data / "clips.jsonl", data / "labels", data / "corpus.json")
    index(settings, Wanted((), [0], True), files, Memory(root.parent / "memory.jsonl"))
    assert labels.ranges(data / "labels") == {"engagement": (0, 10), "dominance": (-2, 2)}
    anna, *_ = read(data / "clips.jsonl")
    values = labels.of_target(data / "labels", anna, "engagement")
    np.testing.assert_allclose(values, anna.frame_times() / 50 - 1, atol=1e-6)
    back = labels.in_own_units(values, (0, 10))
    np.testing.assert_allclose(back, anna.frame_times() / 10, atol=1e-5)


def test_times_are_seconds_or_minutes_and_seconds(root: Path) -> None:
    rows = "x,videos/three.mp4,ratings/three.csv,,,,0:00.4,0:00:01.2,\n"
    (root / "clips.csv").write_text(HEADER + ROWS + rows.replace("x,", "a,"))
    by_name = clips(audited(root, exclude=["dora"]))
    assert (by_name["a"].first, by_name["a"].frames) == (10, 20)


def test_crops_of_a_clip_are_used_where_there_are_some(root: Path) -> None:
    crops(root / "crops/dora", [1, 2, 20])
    by_name = clips(audited(root, faces=["crops"]))
    assert [clip.faces for clip in by_name.values()] == [None, None, None, "crops/dora"]
    crops(root / "crops/dora", [46])
    assert "a crop of frame 46; expected at most 20" in only_problem(audited(root, faces=["crops"]))


def test_videos_of_the_same_name_in_other_folders_are_told_apart(root: Path) -> None:
    video(root / "day2/videos/one.mp4", 25)
    row = "eve,day2/videos/one.mp4,ratings/one.csv,train,,,,,\n"
    (root / "clips.csv").write_text(HEADER + ROWS + row)
    by_name = clips(audited(root))
    assert {by_name["anna"].video, by_name["eve"].video} == {"videos_one", "day2_videos_one"}
    assert by_name["bert"].video == "two"


def test_groups_that_share_a_video_stay_together(root: Path) -> None:
    row = "eve,videos/two.mp4,ratings/two.csv,train,other,1,,,\n"
    more = "fay,videos/one.mp4,ratings/one.csv,train,other,left,,,\n"
    (root / "clips.csv").write_text(HEADER + ROWS + row + more)
    found = audited(root)
    together = {name: clip.together for name, clip in clips(found).items()}
    assert len({together[name] for name in ("anna", "bert", "cleo", "eve", "fay")}) == 1
    assert together["dora"] == "three"
    assert "note: videos of several groups, which stay together" in summary(found)


def test_a_test_clip_needs_no_annotation_and_has_no_labels(root: Path) -> None:
    row = "t,videos/one.mp4,,test,x,,,,\nu,videos/one.mp4,ratings/one.csv,test,x,2,,,\n"
    (root / "clips.csv").write_text(HEADER + REST + row)
    found = audited(root)
    assert clips(found)["t"].partition == "test"
    assert {"t", "u"}.isdisjoint(found.labels)
    assert "note: test clips with an annotation, which is not used (1): u" in summary(found)


def test_a_pattern_in_the_params_names_the_annotations_that_the_list_does_not(root: Path) -> None:
    rows = "anna,videos/one.mp4\nbert,videos/two.mp4\ndora,videos/three.mp4\n"
    (root / "clips.csv").write_text("clip,video\n" + rows)
    assert "no annotation of a train clip" in str(audited(root).findings.problems[0])
    found = audited(root, annotations={"files": "ratings/{video}.csv"})
    assert list(found.labels) == list(clips(found)) == ["anna", "bert", "dora"]


def test_raters_agreement_stands_in_the_summary(root: Path) -> None:
    text = "".join(f"{t / 10},{np.sin(t)},{np.sin(t) / 2},{-np.sin(t)}\n" for t in range(11))
    (root / "ratings/one.csv").write_text("time,ann,bob,cy\n" + text)
    (root / "clips.csv").write_text(
        HEADER + WHOLE + WHOLE.replace("anna", "zoe").replace(",,,,", ",,2,,")
    )
    chosen = {"columns": {"joy": ["ann", "bob", "cy"]}}
    found = audited(root, targets=["joy"], annotations=chosen, folds="leave_one_group_out")
    assert "raters of joy, correlation and CCC with the mean of the others: ann -1.00" in summary(
        found
    )


ROW = "x,videos/one.mp4,ratings/one.csv,train,,,,,\n"


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (ROW.replace("videos/one", "videos/lost"), ["line 6", "no file", "lost.mp4"]),
        (ROW.replace("videos/one.mp4", ""), ["line 6", "no video"]),
        (ROW.replace("ratings/one.csv", ""), ["no annotation of a train clip"]),
        (ROW.replace("ratings/one", "ratings/lost"), ["lost.csv"]),
        (ROW.replace("x,", "anna,", 1), ["clip anna", "a clip of an earlier row"]),
        (ROW.replace("x,", ",", 1), ["line 6"]),
        (ROW.replace("x,", "..,", 1), ["clip ..", "the name .., which means a folder"]),
        (ROW.replace("x,", "../x,", 1), ["clip ../x", "'/' in the name", "that is no path"]),
        (ROW.replace("train", "learn"), ["'learn'", "train, validation or test"]),
        (ROW.replace(",train,,,", ",train,,middle,"), ["'middle'", "left, right, or a number"]),
        (ROW.replace(",train,,,", ",train,,0,"), ["'0'"]),
        (ROW.replace(",,,,,\n", ",,,later,,\n"), ["start 'later'"]),
        (ROW.replace(",,,,,\n", ",,,0.5,0.5,\n"), ["start 0.5, end 0.5"]),
        (ROW.replace(",,,,,\n", ",,,-1,,\n"), ["start '-1'"]),
        (ROW.replace(",,,,,\n", ",,,nan,,\n"), ["start 'nan'"]),
        (ROW.replace(",,,,,\n", ",,,0.5,9,\n"), ["from 0.5 to 9 s", "which has 1.0 s"]),
        (ROW.replace(",,,,,\n", ",,,1.5,,\n"), ["from 1.5 to 1 s", "which has 1.0 s"]),
        (ROW.replace(",,,,,\n", ",,,0.001,0.002,\n"), ["no frame from 0.001 to 0.002 s"]),
        (ROW.replace("videos/one.mp4", "/etc/passwd"), ["/etc/passwd", "without .."]),
        (ROW.replace("ratings/one.csv", "../x.csv"), ["../x.csv", "without .."]),
        (ROW.replace(",,,,,\n", ",,,,,,,,more\n"), ["more cells than columns (more)"]),
        (ROW.replace("x,", "Anna,", 1), ["differs only in capitals"]),
    ],
)
def test_a_row_that_cannot_be_used_is_one_line(root: Path, row: str, parts: list[str]) -> None:
    (root / "clips.csv").write_text(HEADER + ROWS + row)
    line = only_problem(audited(root))
    assert all(part in line for part in parts), line


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no column clip and video, but none"),
        ("\n\n", "no column clip and video, but none"),
        ("name,file\na,b\n", "no column clip and video, but file, name"),
        (HEADER, "no row"),
        (HEADER + ",,,,,,,,\n", "no row"),
        (b"\xff\xfe\x00", "invalid start byte"),
        (None, "No such file"),
    ],
)
def test_a_list_that_cannot_be_read_is_one_line(
    root: Path, text: str | bytes | None, found: str
) -> None:
    (root / "clips.csv").unlink()
    if text is not None:
        (root / "clips.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(Problem) as raised:
        audited(root)
    assert found in str(raised.value) and "rjcma corpus init" in str(raised.value)


@pytest.mark.parametrize("line", ["{", "[1]", '"x"', "nonsense"])
def test_a_line_that_is_no_object_is_one_line(root: Path, line: str) -> None:
    (root / "clips.jsonl").write_text('{"clip": "a", "video": "videos/one.mp4"}\n' + line + "\n")
    with pytest.raises(Problem, match=r"clips\.jsonl, line 2: found no JSON object"):
        audited(root, list="clips.jsonl")


def test_the_same_moments_of_a_person_in_two_partitions_are_refused(root: Path) -> None:
    row = "eve,videos/three.mp4,ratings/three.csv,train,,,1.0,1.6,\n"
    (root / "clips.csv").write_text(HEADER + ROWS + row)
    line = only_problem(audited(root))
    assert "clip eve: videos/three.mp4: found 0.2 s that clip dora shows too" in line
    assert "one is a validation clip, the other a train clip" in line
    (root / "clips.csv").write_text(HEADER + ROWS + row.replace("1.0,1.6", "1.2,1.6"))
    assert "eve" in clips(audited(root))
    (root / "clips.csv").write_text(HEADER + ROWS + row.replace(",,,1.0", ",,2,1.0"))
    assert "eve" in clips(audited(root))


def test_the_same_moments_in_one_partition_are_noted(root: Path) -> None:
    row = "eve,videos/three.mp4,ratings/three.csv,dev,,,1.0,1.6,\n"
    (root / "clips.csv").write_text(HEADER + ROWS + row)
    found = audited(root)
    assert "eve" in clips(found)
    assert "that show the same person at the same time (1): dora and eve, 0.2 s" in summary(found)


def test_a_target_that_no_clip_has_is_refused(root: Path) -> None:
    for path in (root / "ratings").iterdir():
        lines = path.read_text().splitlines()
        path.write_text(
            "\n".join([lines[0], *(line.rsplit(",", 1)[0] + "," for line in lines[1:])])
        )
    line = only_problem(audited(root))
    assert "corpus.targets: found no labelled frame of dominance in any clip" in line


def test_folds_without_official_validation_clips_are_said(root: Path) -> None:
    said = (
        "note: no validation clips: each fold validates on a part of the training clips (1): 2 fo"
    )
    assert said not in summary(audited(root))
    (root / "clips.csv").write_text(HEADER + ROWS.replace(",dev,", ",train,"))
    assert said in summary(audited(root))


def test_a_fold_that_the_groups_do_not_give_is_refused(root: Path) -> None:
    settings = checked(Corpus, section(root, folds="leave_one_group_out"), "corpus", "")
    found = audit(settings, Memory(root.parent / "memory.jsonl"), Wanted((), [0, 2], True))
    assert not found.findings.problems
    found = audit(settings, Memory(root.parent / "memory.jsonl"), Wanted((), [0, 3], True))
    assert "fold 3 asked for; expected one of 0 to 2" in only_problem(found)


def test_labels_are_unlabelled_by_target(root: Path) -> None:
    path = root / "ratings/one.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "0.2,,-0.04", *lines[4:]]))
    values = audited(root, annotations={"max_gap": 0.15}).labels["anna"]
    assert np.isnan(values[:, 0]).sum() > 0
    assert not np.isnan(values[:, 1]).any()

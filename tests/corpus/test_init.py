"""A first clip list and params file for a folder: what is found and guessed, and what is told."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import corpus_builder
import numpy as np
import places
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from rjcma.cli import app
from rjcma.corpus.audit import audit
from rjcma.corpus.first_list import init
from rjcma.corpus.settings import Corpus
from rjcma.jobs.memory import Memory
from rjcma.params import checked
from rjcma.problem import Problem
from rjcma.start import check

BASE = places.ROOT / "params.yaml"
SECONDS, FPS = 4, 5


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of 4 seconds at 5 frames per second."""
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    corpus_builder.video(path, SECONDS * FPS, FPS)
    return path


class Folder:
    """A folder to begin with."""

    def __init__(self, root: Path, video: Path) -> None:
        self.root, self.source = root / "mine", video
        self.out = root / "params" / "mine.yaml"
        self.root.mkdir()

    def videos(self, *names: str) -> None:
        for name in names:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.source, self.root / name)

    def file(self, name: str, *lines: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text("".join(f"{line}\n" for line in lines))

    def ratings(
        self, name: str, header: str, step: float, *, value: str = "{0:.2f}", rows=9
    ) -> None:
        """A table with a time and as many equal columns of values as the header has further."""
        delimiter = next(d for d in ";\t," if d in header)
        columns = header.count(delimiter)
        lines = []
        for k in range(rows):
            number = value.format(np.sin(k))
            lines.append(delimiter.join([f"{k * step:g}", *[number] * columns]))
        self.file(name, header, *lines)

    def init(self) -> str:
        return "\n".join(init(self.root, self.out, BASE))

    def rows(self):
        with open(self.root / "clips.csv", newline="") as file:
            return {row["clip"]: row for row in csv.DictReader(file)}

    @property
    def params(self):
        return YAML(typ="safe").load(self.out)

    @property
    def annotations(self):
        return self.params["corpus"]["annotations"]

    def labels(self):
        """The labels that the index makes of the list and the params, as they were written.

        Of one clip there can be no folds.
        """
        corpus = checked(Corpus, self.params["corpus"], "corpus", self.out)
        made = audit(corpus, Memory(self.root.parent / "memory"))
        assert {problem.file for problem in made.findings.problems} <= {"corpus.folds"}
        return made.labels


@pytest.fixture
def folder(tmp_path, video):
    return Folder(tmp_path, video)


def test_ratings_in_recolas_form_are_found_and_can_be_read(folder):
    folder.videos("videos/P16.mp4", "videos/P21.mp4")
    for dimension in ("arousal", "valence"):
        for name in ("P16", "P21"):
            folder.ratings(f"ratings/{dimension}/{name}.csv", "time;FM1 ;FM2 ;FF1 ", 0.5)
    told = folder.init()
    assert "ratings/{target}/{clip}.csv: 4 files" in told and "3 raters" in told
    assert folder.rows()["P16"]["annotation"] == "ratings/{target}/P16.csv"
    assert folder.annotations["time"] == {"column": "time", "unit": "s"}
    assert folder.annotations["columns"] == ["FM1", "FM2", "FF1"]
    labels = folder.labels()
    assert set(labels) == {"P16", "P21"} and labels["P16"].shape == (SECONDS * FPS, 2)
    assert labels["P16"][5, 0] == pytest.approx(np.sin(2), abs=0.01)


def test_milliseconds_are_known_by_the_length_of_the_video(folder):
    folder.videos("11.mp4")
    folder.ratings("labels/arousal/11.csv", "timestamp,value", 500)
    told = folder.init()
    assert folder.annotations["time"] == {"column": "timestamp", "unit": "ms"}
    assert "of a video that has 4.0 s" in told
    assert folder.labels()["11"].shape == (SECONDS * FPS, 1)


def test_numbers_of_frames_are_known_by_the_length_of_the_video(folder):
    folder.videos("a.mp4")
    rows = [f"{k},{np.cos(k):.3f}" for k in range(1, SECONDS * FPS + 1)]
    folder.file("a.csv", "frame,valence", *rows)
    folder.init()
    assert folder.annotations["time"] == {"column": "frame", "unit": "frame", "first": 1}
    assert folder.labels()["a"][0, 0] == pytest.approx(np.cos(1), abs=0.001)


def test_a_row_a_frame_with_a_mark_for_none_is_read_by_the_rate_of_the_video(folder):
    folder.videos("videos/a.mp4", "videos/b.mp4", "videos/c.mp4")
    values = ["0.5,-0.25"] * (SECONDS * FPS - 1)
    marked = [*values[:7], "-5,-5", *values[8:]]
    folder.file("VA/Train_Set/a.txt", "valence,arousal", "-5,-5", *marked)
    folder.file("VA/Validation_Set/b.txt", "valence,arousal", *values, "0.1,0.1")
    folder.file("test_set.txt", "c")
    told = folder.init()
    assert folder.annotations["time"] == {"rate": "video"}
    assert folder.annotations["missing"] == [-5]
    partitions = {name: row["partition"] for name, row in folder.rows().items()}
    assert partitions == {"a": "train", "b": "validation", "c": "test"}
    assert folder.rows()["b"]["annotation"] == "VA/Validation_Set/b.txt"
    assert "without annotation, so they are test clips: c" in told
    unlabelled = np.isnan(folder.labels()["a"][:, 0])
    assert np.flatnonzero(unlabelled).tolist() == [0, 8]
    assert folder.params["runs"]["targets"] == ["valence", "arousal"]


def test_one_long_file_is_known_by_its_column_of_clips(folder):
    folder.videos("v/one.mp4", "v/two.mp4")
    rows = [f"{v}.mp4,{k / 2},{k - 4}" for v in ("one", "two") for k in range(9)]
    folder.file("all.csv", "file,seconds,engagement", *rows)
    told = folder.init()
    assert "annotations of all clips in all.csv" in told
    assert folder.annotations["rows"] == {"clip": "file"}
    assert folder.annotations["range"] == [-4, 4]
    assert folder.rows()["two"]["annotation"] == "all.csv"
    assert folder.params["corpus"]["targets"] == ["engagement"]
    assert folder.labels()["two"][:, 0].tolist()[::5] == [-1.0, -0.5, 0.0, 0.5]


def test_a_long_file_for_each_target_with_rows_of_several_raters_is_known(folder):
    folder.videos("v/one.mp4", "v/two.mp4")
    for target, sign in (("arousal", 1), ("valence", -1)):
        rows = [
            f"{clip},{rater},{k * 500},{sign * k * 10}"
            for clip in ("one", "two")
            for rater in ("p1", "p2")
            for k in range(9)
        ]
        folder.file(f"{target}.csv", "OriginalName,Participant,VideoTime,Value", *rows)
    folder.init()
    assert folder.rows()["one"]["annotation"] == "{target}.csv"
    assert folder.annotations["rows"] == {"clip": "OriginalName", "rater": "Participant"}
    assert folder.annotations["time"] == {"column": "VideoTime", "unit": "ms"}
    assert folder.annotations["range"] == [-100, 100]
    assert folder.params["corpus"]["targets"] == ["arousal", "valence"]
    assert folder.labels()["two"][10] == pytest.approx([0.4, -0.4])


def test_columns_that_are_called_as_the_targets_of_their_files_need_not_be_named(folder):
    folder.videos("a.mp4")
    for target in ("arousal", "valence"):
        folder.ratings(f"{target}/a.csv", f"time,{target}", 0.5)
    folder.init()
    assert "columns" not in folder.annotations
    assert not np.isnan(folder.labels()["a"][:10]).any()


def test_utterances_with_begin_and_end_are_stretches(folder):
    folder.videos("a.mp4", "b.mp4")
    rows = [f"{clip}.mp4,{k / 2},{k / 2 + 0.5},{k / 10},0" for clip in "ab" for k in range(8)]
    folder.file("all.csv", "video,start,end,arousal,valence", *rows)
    folder.init()
    assert folder.annotations["time"] == {"column": "start", "unit": "s", "end": "end"}
    assert folder.labels()["b"][:4, 0] == pytest.approx([0, 0, 0, 0.1])


def test_a_file_a_rater_is_known_by_what_differs_in_the_names(folder):
    folder.videos("c1.mp4", "c2.mp4")
    for clip in ("c1", "c2"):
        for rater in ("ann1", "ann2", "ann3"):
            folder.ratings(f"{clip}_{rater}.csv", "time,valence", 0.5)
    told = folder.init()
    assert "{clip}_{rater}.csv: 6 files" in told and "targets: valence; 3 raters" in told
    assert folder.rows()["c2"]["annotation"] == "c2_{rater}.csv"
    assert folder.labels()["c1"][0, 0] == pytest.approx(0, abs=0.01)


def test_raters_and_targets_in_the_header_are_told_apart(folder):
    folder.videos("a.mp4")
    folder.ratings("a.tsv", "time\tarousal_1\tarousal_2\tvalence_1\tvalence_2", 0.5)
    folder.init()
    assert folder.annotations["columns"] == {
        "arousal": ["arousal_1", "arousal_2"],
        "valence": ["valence_1", "valence_2"],
    }
    assert folder.labels()["a"].shape == (SECONDS * FPS, 2)


def test_decimal_commas_and_a_scale_of_its_own_are_seen(folder):
    folder.videos("a.mp4")
    rows = [f"{k / 2:.1f};{k * 10 + 0.5:.1f}".replace(".", ",") for k in range(9)]
    folder.file("dominance/a.csv", "Time;Rating", *rows)
    folder.init()
    assert folder.annotations["decimal"] == "," and folder.annotations["range"] == [0, 100]
    assert folder.params["corpus"]["targets"] == ["dominance"]
    assert folder.labels()["a"][0, 0] == pytest.approx(-0.99)


def test_files_of_carma_and_jsons_of_frames_are_known(folder, tmp_path, video):
    folder.videos("a.mp4")
    head = ["Multimedia File,a.mp4", "Annotation Range,-100 to 100", "Second,Rating", "%%%%%%"]
    folder.file("valence/a_r1.csv", *head, *(f"{k + 1},{k}" for k in range(4)))
    folder.file("valence/a_r2.csv", *head, *(f"{k + 1},{-k}" for k in range(4)))
    folder.init()
    assert folder.annotations["format"] == "carma"
    assert folder.rows()["a"]["annotation"] == "{target}/a_{rater}.csv"
    (tmp_path / "other").mkdir()
    other = Folder(tmp_path / "other", video)
    other.videos("001.mp4")
    frames = {f"{k:05}": {"valence": k - 5.0, "arousal": 1.0} for k in range(SECONDS * FPS)}
    other.file("001.json", json.dumps({"video_id": "001", "frames": frames}))
    other.init()
    assert other.annotations["format"] == "frames_json"
    assert sorted(other.params["corpus"]["targets"]) == ["arousal", "valence"]
    assert other.labels()["001"].shape == (SECONDS * FPS, 2)


def test_two_people_in_a_video_are_two_clips(folder):
    folder.videos("talk.mp4")
    for side in ("left", "right"):
        folder.ratings(f"arousal/talk_{side}.csv", "time,value", 0.5)
    folder.init()
    rows = folder.rows()
    assert [rows[f"talk_{side}"]["person"] for side in ("left", "right")] == ["left", "right"]
    assert {row["video"] for row in rows.values()} == {"talk.mp4"}


def test_partitions_are_taken_from_a_table(folder):
    folder.videos("1.mp4", "2.mp4", "3.mp4")
    for name in ("1", "2", "3"):
        folder.ratings(f"valence/{name}.csv", "time,value", 0.5)
    folder.file("partition.csv", "id,partition", "1,train", "2,devel", "3,test", "4,test")
    told = folder.init()
    partitions = {name: row["partition"] for name, row in folder.rows().items()}
    assert partitions == {"1": "train", "2": "validation", "3": "test"}
    assert "1 train, 1 validation, 1 test" in told


def test_what_does_not_fit_together_is_told(folder):
    folder.videos("a.mp4", "lonely.mp4")
    folder.ratings("valence/a.csv", "time,value", 0.5)
    folder.ratings("valence/ghost.csv", "time,value", 0.5)
    told = folder.init()
    assert "test clips: lonely" in told
    assert "belong to no video by their names: valence/ghost.csv" in told
    assert folder.rows()["lonely"]["partition"] == "test"


def test_other_annotations_of_the_same_clips_are_named(folder):
    folder.videos("11.mp4")
    folder.ratings("processed/arousal/11.csv", "Time,value", 500)
    folder.ratings("raw/arousal/11.csv", "timestamp,1,2,3", 0.5)
    folder.file("segment_info/11.csv", "start,end,segment_id", "0,2000,1", "2000,4000,2")
    told = folder.init()
    assert "found    annotations processed/{target}/{clip}.csv: 1 file" in told
    assert "found    also raw/{target}/{clip}.csv: 1 file, not used" in told
    assert "found    also segment_info/{clip}.csv: 1 file, not used" in told


def test_crops_are_found_and_faces_are_looked_for_without_them(folder, tmp_path, video):
    folder.videos("a.mp4")
    folder.ratings("valence/a.csv", "time,value", 0.5)
    corpus_builder.crops(folder.root / "crops/a", [1, 2, 3])
    folder.init()
    assert folder.params["corpus"]["faces"] == ["crops"]
    assert folder.params["faces"]["detector"] is None
    (tmp_path / "other").mkdir()
    other = Folder(tmp_path / "other", video)
    other.videos("a.mp4")
    other.init()
    assert other.params["corpus"]["faces"] == []
    assert other.params["faces"]["detector"]["engine"] in ("haar", "yunet")


def test_the_params_are_valid_and_keep_what_the_corpus_does_not_decide(folder, tmp_path):
    folder.videos(*(f"{n}.mp4" for n in range(3)))
    for n in range(3):
        folder.ratings(f"valence/{n}.csv", "time,value", 0.5)
    folder.init()
    assert set(check(folder.out, tmp_path / "models.json").sections) >= {"corpus", "runs"}
    base = YAML(typ="safe").load(BASE)
    changed = {key for key in base if folder.params[key] != base[key]}
    assert changed == {"corpus", "faces", "speech", "punctuation", "runs"}
    text = folder.out.read_text()
    assert "# CHECK" in text and "number of times the joint cross-modal attention" in text


def test_no_file_is_ever_replaced(folder):
    folder.videos("a.mp4")
    folder.file("clips.csv", "mine")
    with pytest.raises(Problem, match="this command never replaces one"):
        folder.init()
    assert (folder.root / "clips.csv").read_text() == "mine\n" and not folder.out.exists()
    (folder.root / "clips.csv").unlink()
    folder.out.parent.mkdir()
    folder.out.write_text("mine")
    with pytest.raises(Problem, match="--out"):
        folder.init()
    assert folder.out.read_text() == "mine" and not (folder.root / "clips.csv").exists()


@pytest.mark.parametrize("name", ["mine", "nowhere"])
def test_a_folder_without_videos_is_a_problem(folder, name):
    with pytest.raises(Problem, match="a folder with videos"):
        list(init(folder.root.parent / name, folder.out, BASE))


def test_annotations_that_cannot_be_read_are_told_and_leave_a_list_to_correct(folder):
    folder.videos("a.mp4")
    (folder.root / "valence").mkdir()
    (folder.root / "valence/a.csv").write_bytes(b"\x00\xff" * 99)
    told = folder.init()
    assert "could not be guessed" in told and "bytes that are not text" in told
    assert folder.rows()["a"]["annotation"] == "{target}/a.csv"
    assert folder.annotations == {"format": "table", "gold": "mean"}


def test_the_command_says_what_was_found_and_what_to_do(folder):
    folder.videos("a.mp4")
    folder.ratings("valence/a.csv", "time,value", 0.5)
    done = CliRunner().invoke(
        app, ["corpus", "init", str(folder.root), "--out", str(folder.out), "--base", str(BASE)]
    )
    assert done.exit_code == 0, done.output
    assert {line.split()[0] for line in done.output.splitlines()} >= {
        *("found", "guessed", "check", "wrote", "to")
    }
    assert f"rjcma check {folder.out}" in done.output

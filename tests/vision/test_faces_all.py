"""Stage faces over clips: what is made, what is kept, and what is made again."""

from __future__ import annotations

from pathlib import Path

import cv2
import films
import numpy as np
import pytest
from clips import clip
from drawn_people import drawn

from rjcma import store
from rjcma.jobs import provenance
from rjcma.jobs.adoption import work_of
from rjcma.problem import Problem, Problems
from rjcma.vision.faces_all import faces_all
from rjcma.vision.settings import Faces

ANNA = clip("anna", 7, faces="crops/anna", faces_digest="1")
BERT = clip("bert", 5)
CLEO = clip("cleo", 4, fps=10, file="cleo.mkv")


@pytest.fixture
def corpus(tmp_path) -> Path:
    folder = tmp_path / "crops" / "anna"
    folder.mkdir(parents=True)
    for frame in (0, 2, 3):
        picture = np.full((13, 13, 3), 20 * frame, np.uint8)
        cv2.imwrite(str(folder / f"{frame + 1:05}.png"), picture)
    return tmp_path


def packed(corpus: Path, clips=(ANNA, BERT), size=11) -> dict[str, tuple[int, int]]:
    """Do the stage's work; -> the files, with inode and time."""
    out = corpus / "faces"
    faces_all(clips, corpus, out, Faces(size=size))
    stats = {path.name: path.stat() for path in out.glob("*.h5")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in sorted(stats.items())}


def test_every_clip_has_a_file_and_one_without_crops_has_no_rows(corpus):
    assert list(packed(corpus)) == ["anna.h5", "bert.h5"]
    anna = store.FeatureReader(corpus / "faces" / "anna.h5", clip="anna", frames=7)
    assert anna.index.tolist() == [0, -1, 1, 2, -1, -1, -1]
    assert anna.read(0, 7)[..., 0].max((1, 2)).tolist() == [0, 0, 40, 60, 0, 0, 0]
    bert = store.FeatureReader(corpus / "faces" / "bert.h5", clip="bert", frames=5)
    assert bert.rows.shape == (0, 11, 11, 3) and bert.index.tolist() == [-1] * 5


def test_only_what_changed_is_packed_anew(corpus):
    before = packed(corpus)
    assert packed(corpus) == before
    after = packed(corpus, [ANNA.model_copy(update={"faces_digest": "2"}), BERT])
    assert after["anna.h5"] != before["anna.h5"] and after["bert.h5"] == before["bert.h5"]
    longer = packed(corpus, [ANNA, BERT.model_copy(update={"frames": 6})])
    assert longer["bert.h5"] != before["bert.h5"]
    assert not set(packed(corpus, size=8).items()) & set(longer.items())


def test_where_the_corpus_lies_is_in_no_key(corpus):
    before = packed(corpus)
    (corpus / "elsewhere").mkdir()
    (corpus / "crops").rename(corpus / "elsewhere" / "crops")
    faces_all([ANNA, BERT], corpus / "elsewhere", corpus / "faces", Faces(size=11))
    assert (corpus / "faces" / "anna.h5").stat().st_ino == before["anna.h5"][0]


def test_a_folder_that_has_gone_is_its_clips_problem_and_the_others_are_packed(corpus):
    (corpus / "crops" / "anna").rename(corpus / "crops" / "other")
    with pytest.raises(Problems, match=r"^clip anna: .*crops/anna: found no such folder"):
        packed(corpus)
    assert {path.name for path in (corpus / "faces").glob("*.h5")} == {"bert.h5"}


HAAR = {"size": 11, "detector": {"engine": "haar"}}


def found(corpus: Path, settings, clips=(ANNA, CLEO)) -> dict[str, int]:
    """Do the stage's work with a detector; -> the files' inodes."""
    faces_all(clips, corpus, corpus / "faces", Faces.model_validate(settings))
    return {path.name: path.stat().st_ino for path in sorted((corpus / "faces").glob("*.h5"))}


def test_a_clip_without_crops_is_looked_at_and_others_are_packed_under_their_old_key(
    corpus, monkeypatch, capsys
):
    monkeypatch.setenv("RJCMA_WORKERS", "1")
    seen = [drawn((200 + k, 130)) for k in range(3)]
    films.write(corpus / "cleo.mkv", [*seen, drawn()])
    before = packed(corpus, [ANNA, BERT])
    files = found(corpus, HAAR)
    assert files["anna.h5"] == before["anna.h5"][0]
    cleo = store.FeatureReader(corpus / "faces" / "cleo.h5", clip="cleo", frames=4)
    assert cleo.rows.shape == (3, 11, 11, 3) and cleo.index.tolist() == [0, 1, 2, -1]
    assert provenance.read(cleo.path)["function"] == "rjcma.vision.finding:find"
    assert provenance.read(corpus / "faces" / "anna.h5")["function"] == "rjcma.vision.faces:pack"
    assert found(corpus, HAAR) == files
    capsys.readouterr()
    right = CLEO.model_copy(update={"person": "right"})
    again = found(corpus, {**HAAR, "every": 3}, (ANNA, right))
    assert again["anna.h5"] == files["anna.h5"] and again["cleo.h5"] != files["cleo.h5"]
    note = "clip cleo: 0 of 4 frames have a face (one person only, on the left)"
    assert note in capsys.readouterr().err


def test_a_missing_model_stops_only_what_needs_it(corpus):
    yunet = {"size": 11, "detector": {"engine": "yunet", "model": "/none.onnx"}}
    assert list(found(corpus, yunet, (ANNA,))) == ["anna.h5"]
    with pytest.raises(Problem, match=r"none\.onnx: found no such file"):
        found(corpus, yunet)


def test_where_a_models_file_lies_and_who_else_is_packed_is_in_no_key(corpus, tmp_path):
    def wanted(path, **other):
        detector = {"engine": "yunet", "model": str(path)}
        settings = Faces.model_validate({"detector": detector, **other})
        return work_of(faces_all, [ANNA, CLEO], corpus, corpus / "faces", settings).wanted

    one, other = tmp_path / "one.onnx", tmp_path / "other.onnx"
    for path in (one, other):
        path.write_bytes(b"\x08 the same")
    assert wanted(one) == wanted(other)
    other.write_bytes(b"\x08 another")
    assert wanted(one)["cleo.h5"] != wanted(other)["cleo.h5"]
    assert wanted(one)["anna.h5"] == wanted(other, every=2)["anna.h5"]

"""The index where the corpus is missing: kept as it was shared, or refused with a cure."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from corpus_builder import corpus

from rjcma.corpus.audit import Wanted
from rjcma.corpus.index import Index, index
from rjcma.corpus.settings import Corpus
from rjcma.jobs.memory import Memory
from rjcma.params import checked
from rjcma.problem import Problem, Problems


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus in `corpus`, and its index in `data`."""
    folder = tmp_path_factory.mktemp("original")
    corpus(folder / "corpus")
    run(folder)
    return folder


@pytest.fixture
def shared(original: Path, tmp_path: Path) -> Path:
    """A folder with the index alone."""
    shutil.copytree(original / "data", tmp_path / "data")
    return tmp_path


def run(folder: Path, modalities: tuple[str, ...] = (), **changes: object) -> None:
    section = {"root": str(folder / "corpus"), "videos": ["videos"], "faces": ["cropped_aligned"]}
    section |= {"train": "VA/Train_Set", "validation": "VA/Validation_Set", "test": "test.txt"}
    settings = checked(Corpus, {**section, "folds": 3, **changes}, "corpus", "")
    index(settings, Wanted(modalities), files(folder), Memory(folder / "memory.jsonl"))


def files(folder: Path) -> Index:
    data = folder / "data"
    return Index(data / "clips.jsonl", data / "labels", data / "corpus.json")


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in (folder / "data").rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_ino) for path in paths}


def refused(folder: Path, **changes: object) -> str:
    """The problem of an index that is refused; no file may change."""
    before = state(folder)
    with pytest.raises((Problem, Problems)) as raised:
        run(folder, **changes)
    assert state(folder) == before
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def test_without_the_corpus_the_index_is_kept_and_said_in_one_line(shared, capsys):
    before = state(shared)
    run(shared, ("visual", "audio", "text"))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 and "6 clips and their labels kept as shared" in printed[0]
    assert state(shared) == before


def test_the_record_names_neither_a_path_nor_a_time(original, tmp_path):
    shutil.copytree(original / "corpus", tmp_path / "elsewhere")
    run(tmp_path, root=str(tmp_path / "elsewhere"))
    assert files(tmp_path).record.read_bytes() == files(original).record.read_bytes()


def test_the_number_of_folds_and_the_place_of_the_corpus_may_change(shared, capsys):
    run(shared, folds=4, root="/nowhere", make=("sample",))
    assert "kept as shared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "value"), [("exclude", ("a",)), ("tolerance", 2.0), ("videos", ("other",))]
)
def test_a_changed_setting_that_needs_the_corpus_is_named(shared, key, value):
    problem = refused(shared, **{key: value})
    assert f"corpus.{key} was changed from" in problem and "set corpus.root" in problem


def test_folds_that_the_shared_clips_cannot_fill_are_refused(shared):
    assert "folds" in refused(shared, folds=50)


def test_a_manifest_of_another_version_is_refused(shared):
    path = files(shared).clips
    path.write_text(path.read_text().replace('"sound":true', '"sound":false'))
    assert "another manifest" in refused(shared)


@pytest.mark.parametrize("part", Index._fields)
def test_a_missing_part_of_the_index_is_named_with_the_command_that_pulls_it(shared, part):
    path = getattr(files(shared), part)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    problem = refused(shared)
    assert problem.startswith(str(path)) and "dvc pull" in problem and str(path) in problem


def test_missing_labels_are_counted_and_named(shared):
    for clip in ("b_left", "c"):
        (files(shared).labels / f"{clip}.npy").unlink()
    assert "no labels of 2 clips (b_left, c)" in refused(shared)


def test_labels_of_another_version_are_refused(shared):
    path = files(shared).labels / "a.npy"
    np.save(path, np.load(path) / 2)
    assert "other labels" in refused(shared)


def test_a_damaged_record_is_one_line(shared):
    files(shared).record.write_text('{"settings": 3}')
    assert "a file that is not this record" in refused(shared)


def test_without_corpus_and_index_both_ways_on_are_named(tmp_path):
    problem = refused(tmp_path)
    assert "no such folder" in problem and "rjcma pull training" in problem


def test_an_empty_root_is_an_unmounted_disk_and_not_a_missing_corpus(shared):
    (shared / "corpus").mkdir()
    problem = refused(shared)
    assert "an empty folder" in problem and "mount" in problem


def test_a_link_to_a_disk_that_is_not_there_is_a_missing_corpus(shared, capsys):
    (shared / "corpus").symlink_to(shared / "disk" / "corpus")
    run(shared)
    assert "kept as shared" in capsys.readouterr().out


def test_with_the_corpus_it_is_audited_and_recorded_again(original, tmp_path, capsys):
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    changes = {"exclude": ("a",), "faces": ()}
    run(tmp_path, **changes)
    assert "kept as shared" not in capsys.readouterr().out
    assert not (files(tmp_path).labels / "a.npy").exists()
    shutil.rmtree(tmp_path / "corpus")
    run(tmp_path, **changes)  # the record was written again
    assert "5 clips" in capsys.readouterr().out
    with pytest.raises(Problems, match="no face crops"):
        run(tmp_path, ("visual",), **changes)

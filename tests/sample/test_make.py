"""The sample corpus in its folder: kept if it is up to date, else made again, and why."""

import shutil

import pytest

from rjcma.problem import Problem
from rjcma.sample.make import make
from rjcma.sample.settings import Sample

NAME = "21-25-480x270"
SHORT = Sample(seed=3, length=0.1, videos=[NAME])
LABELS = f"annotations/VA/train/{NAME}.txt"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("original") / "corpus"
    make(SHORT, root)
    return root


@pytest.fixture
def root(original, tmp_path):
    """A copy of the corpus in its own folder."""
    return shutil.copytree(original, tmp_path / "corpus")


def contents(root):
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def stamps(root):
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in root.rglob("*")}


def message(capsys):
    """The line that says what is done with the corpus."""
    (line,) = [one for one in capsys.readouterr().err.splitlines() if "/corpus: " in one]
    return line.partition("/corpus: ")[2]


def test_a_corpus_that_stands_is_kept(root, capsys):
    before = stamps(root)
    make(SHORT, root)
    assert message(capsys) == "kept"
    assert stamps(root) == before and len(before) > 20


def test_a_corpus_that_is_not_there_is_made_as_new(original, tmp_path, capsys):
    make(SHORT, tmp_path / "corpus")
    assert message(capsys) == "to make (new)"
    assert contents(tmp_path / "corpus") == contents(original)


def edit(root):
    text = (root / LABELS).read_text()
    (root / LABELS).write_text(text.replace("0.", "0.1", 1))


def edit_the_marker(root):
    (root / "SAMPLE.txt").write_text("edited")


def lose(root):
    next(iter(sorted((root / "cropped_aligned" / NAME).iterdir()))).unlink()


def add(root):
    (root / "videos" / "mine.mp4").write_bytes(b"mine")


def rename(root):
    (root / LABELS).rename((root / LABELS).with_name("another.txt"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (edit, "edited file"),
        (edit_the_marker, "edited file"),
        (lose, "edited file"),
        (add, "edited file"),
        (rename, "edited file"),
        (lambda root: (root / ".keys").unlink(), "no ledger"),
        (lambda root: (root / ".keys").write_text("{"), "no ledger"),
    ],
    ids=["edited", "marker", "lost", "added", "renamed", "no ledger", "torn ledger"],
)
def test_a_corpus_that_was_changed_is_made_anew(original, root, capsys, spoil, reason):
    spoil(root)
    assert contents(root) != contents(original)
    make(SHORT, root)
    assert message(capsys) == f"to make ({reason})"
    assert contents(root) == contents(original)
    assert not list(root.parent.glob(".*"))


def test_another_setting_makes_the_corpus_anew_and_is_named(original, root, capsys):
    make(SHORT.model_copy(update={"seed": 4}), root)
    assert message(capsys) == "to make (sample.seed 3 -> 4)"
    after = contents(root)
    assert after.keys() == contents(original).keys()
    assert after[f"videos/{NAME}.mp4"] != contents(original)[f"videos/{NAME}.mp4"]
    make(SHORT.model_copy(update={"seed": 4}), root)
    assert message(capsys) == "kept"


def test_other_code_makes_the_corpus_anew(original, root, capsys, monkeypatch):
    monkeypatch.setattr("rjcma.jobs.code.digest", lambda modules: "another")
    make(SHORT, root)
    assert message(capsys) == "to make (code)"
    assert (root / LABELS).read_bytes() == (original / LABELS).read_bytes()


def test_a_folder_whose_marker_is_gone_is_left_alone(root):
    (root / "SAMPLE.txt").unlink()
    before = stamps(root)
    with pytest.raises(Problem, match=r"a folder without SAMPLE\.txt"):
        make(SHORT, root)
    assert stamps(root) == before


def test_a_setting_that_names_nobody_leaves_the_corpus_that_stands(root):
    before = contents(root)
    with pytest.raises(Problem, match="names nobody"):
        make(SHORT.model_copy(update={"videos": ["nobody"]}), root)
    assert contents(root) == before

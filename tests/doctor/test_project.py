"""What the params name: models, corpus, and what the corpus will need."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import committed
import pytest
from clips import clip
from places import ROOT

from rjcma import start
from rjcma.corpus.settings import AffWild2, ClipList
from rjcma.doctor import examination, needs, project
from rjcma.doctor.line import Line
from rjcma.params import load


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the project's dvc.yaml and models, and no data."""
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(folder, **changes) -> list[str]:
    return [line.text() for line in project.lines(committed.params(folder, **changes))]


def test_the_samples_params_need_nothing_but_a_first_run(folder):
    found = lines(folder)
    assert all(text.startswith("ok") for text in found), found
    assert sum("model.model" in text or ".model: here" in text for text in found) == 3
    assert any("not made yet" in text for text in found)


def test_a_missing_model_says_how_to_get_it(folder):
    found = lines(folder, text={"model": "models/bert-base-uncased"})
    [told] = [text for text in found if text.startswith("TO DO")]
    assert "text.model" in told and "`rjcma models fetch bert-base-uncased`" in told


def test_mistakes_in_params_are_all_told_and_nothing_else_is_guessed(folder):
    found = lines(folder, faces={"size": 0}, windows={"stride": -1})
    assert len(found) == 2 and all(text.startswith("TO DO  params") for text in found)


def answered(capsys, params: Path) -> Line:
    """What the process says of the params."""
    project.main(params)
    lines, _ = examination._parsed(capsys.readouterr().out)
    [line] = [line for line in lines if line.name == "params" and line.cure]
    return line


def test_what_is_wrong_with_another_file_of_the_project_has_its_own_cure(folder, capsys):
    params = committed.params(folder)
    (folder / "data").mkdir()
    (folder / "data/models.json").write_text("{")
    line = answered(capsys, params)
    assert line.found.startswith("data/models.json: no JSON") and "dvc repro index" in line.cure
    (folder / "dvc.yaml").unlink()
    assert "go to the project's folder" in answered(capsys, params).cure
    assert "make setup" not in answered(capsys, params).cure


def test_a_folder_in_place_of_params_is_to_be_corrected(folder, capsys):
    line = answered(capsys, folder)
    assert "IsADirectoryError" in line.found and line.cure.startswith("correct that file")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("garbage\n", "'garbage' in line 1, not JSON"),
        ('{"name": "a"}\n', "video = no value in line 1, not a value"),
    ],
)
def test_a_damaged_manifest_is_named_and_disk_and_memory_are_still_looked_at(
    folder, content, found
):
    (folder / "data").mkdir()
    (folder / "data/clips.jsonl").write_text(content)
    told = {line.name: line for line in project.lines(committed.params(folder))}
    assert told["manifest"].found == f"data/clips.jsonl: {found}"
    assert "dvc repro index" in told["manifest"].cure
    assert "is known after" in told["disk"].found and "available" in told["memory"].found


def a_corpus(root: Path, **changed) -> AffWild2:
    plain = {"videos": ["v"], "faces": ["f"], "train": "a/t", "validation": "a/v"}
    return AffWild2.model_validate({"root": str(root), **plain, **changed})


def test_a_corpus_is_looked_for_where_the_params_say(folder):
    for name in ("c/v", "c/f", "c/a/t", "c/a/v"):
        (folder / name).mkdir(parents=True)
    assert not project.corpus(a_corpus(folder / "c")).cure
    assert not project.corpus(a_corpus(folder / "c", videos=["?"])).cure
    line = project.corpus(a_corpus(folder / "c", train="a/none", test="test.txt"))
    assert "no a/none, no test.txt" in line.found and line.cure
    assert "no such folder" in project.corpus(a_corpus(folder / "none")).found
    assert not project.corpus(a_corpus(folder / "none", make=["sample"])).cure


def test_a_list_of_clips_that_is_missing_is_named(folder):
    listed = ClipList.model_validate(
        {"layout": "list", "root": str(folder), "list": "clips.csv", "targets": ["joy"]}
    )
    assert "no clips.csv" in project.corpus(listed).found


def sections(**changes):
    path = committed.params(Path.cwd(), **changes)
    return {name: load(path, name, schema) for name, schema in start.CLASSES.items()}


def test_what_a_corpus_needs_on_disk_follows_from_its_length():
    """By hand: 600 s at 30 frames a second, a word every 0.6 s, 48 x 48 crops, six runs."""
    size = needs.Corpus(1, 18_000, 600.0, 600.0)
    found = needs.disk(size, sections(runs={"folds": [0, 1, 2]}))
    assert found["sound"] == 600 * 32_000
    assert found["faces"] == 18_000 * (48 * 48 * 3 + 4)
    assert found["log-mel"] == 60_000 * 64 * 4 + 18_000 * 4
    assert found["text"] == pytest.approx(1000 * 768 * 4 + 18_000 * 4)
    assert found["runs"] == 6 * 10_000_000


def test_the_papers_encoders_need_more_where_they_are_trained_in_every_run():
    size = needs.Corpus(1, 18_000, 600.0, 600.0)
    paper = {
        "visual": {"mode": "finetune", "kind": "ir_resnet50", "weights": "none"},
        "audio": {"mode": "precompute", "kind": "vggish", "weights": "none"},
    }
    given = sections(encoders=paper, runs={"folds": [0]})
    found = needs.disk(size, given)
    assert found["vectors (audio)"] == 18_000 * 128 * 4
    assert found["runs"] == 2 * (10_000_000 + 4 * 37_283_520)
    assert needs.memory(given)["train"] > needs.memory(sections())["train"]


def test_two_clips_of_one_video_have_one_sound():
    clips = [clip("a_left", 50, fps=25.0, video="a"), clip("a_right", 50, fps=25.0, video="a")]
    size = needs.Corpus.of(clips)
    assert size == needs.Corpus(2, 100, 2.0, 4.0)
    one = needs.disk(needs.Corpus(1, 50, 2.0, 2.0), sections())
    two = needs.disk(size, sections())
    assert [two[name] / one[name] for name in ("sound", "words", "log-mel", "text")] == [1, 1, 2, 2]


def test_all_of_a_video_is_counted_of_which_clips_are_stretches():
    film = {"fps": 25.0, "video": "film", "decoded": 1000, "stretch": True}
    clips = [clip("a", 50, first=900, **film), clip("b", 100, **film)]
    assert needs.Corpus.of(clips) == needs.Corpus(2, 150, 40.0, 6.0)


def test_a_disk_that_is_too_small_says_how_much_to_free(folder, monkeypatch):
    monkeypatch.setattr(project.shutil, "disk_usage", lambda _: SimpleNamespace(free=1e9))
    line = project._disk({"faces": 2e9, "runs": 1e8}, folder / "data")
    assert "free 3.2 GB" in line.cure and "faces 2.0 GB" in line.cure
    assert not project._disk({"faces": 4e8}, folder / "data").cure


@pytest.mark.parametrize(
    "config, total",
    [
        ("", "2.0 GB"),
        ("[cache]\n    type = copy\n", "2.0 GB"),
        ("[cache]\n    type = hardlink,symlink\n", "1.0 GB"),
        ("[cache]\n    dir = /elsewhere\n", "1.0 GB"),
    ],
)
def test_what_dvcs_cache_links_is_on_the_disk_once(folder, config, total):
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text(config)
    assert f"of {total} still to come" in project._disk({"faces": 1e9}, folder / "data").found


def test_too_little_memory_names_the_stage():
    line = project._memory({"faces": 1e9, "train": 1e15})
    assert "train" in line.found and line.cure
    assert not project._memory({"faces": 1.0}).cure

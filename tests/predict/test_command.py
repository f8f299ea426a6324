"""The commands `rjcma predict` and `rjcma export`, and what they say when something is wrong."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from predict_world import film

from rjcma import cli
from rjcma.jobs import adoption
from rjcma.predict import outputs, tables


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder in which commands run; it has no params.yaml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rjcma(monkeypatch, capsys):
    """Run the command. -> exit status, standard output, lines of problems."""

    def run(*arguments: object) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["rjcma", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        problems = [line for line in printed.err.splitlines() if line.startswith("problem: ")]
        return int(left.value.code or 0), printed.out, problems

    return run


def test_runs_are_exported_and_a_colleague_predicts_with_the_bundle(rjcma, world, talk):
    status, printed, _ = rjcma("export", *world.runs, "talks.rjcma")
    assert status == 0 and "talks.rjcma: " in printed
    for key, digest in world.models().items():
        assert f"needs {key}: " in printed and digest in printed
    assert rjcma("predict", talk, "--run", "talks.rjcma")[0] == 0
    assert Path("predictions/talk.csv").is_file()


def test_what_a_shell_makes_of_a_pattern_of_runs_is_understood(rjcma, world, talk):
    assert rjcma("predict", talk, "--run", *world.runs, "--out", "all")[0] == 0
    assert rjcma("predict", talk, "--run", world.root / "runs", "--out", "folder")[0] == 0
    assert Path("all/talk.csv").read_bytes() == Path("folder/talk.csv").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--params", "nowhere.yaml"], "nowhere.yaml: found no such file"),
        (["--person", "middle"], "--person: found middle; expected left, right, or a number"),
        (["--person", "left", "--no-faces"], "--person: found --no-faces"),
        (["--everyone", "--no-faces"], "--everyone: found --no-faces"),
        (["--everyone", "--person", "2"], "--person: found 2, and --everyone"),
        (["--overlay", "film.gif"], "film.gif: found another ending than .mp4"),
        (["--detector", "nowhere.onnx"], "expected haar"),
        (["--work", __file__], "found a file where a folder is to be; .* correct --work"),
        (["--run", "nowhere"], "nowhere: found no such folder"),
    ],
)
def test_a_wrong_option_is_one_line_and_leaves_nothing(rjcma, world, talk, options, words):
    status, printed, problems = rjcma("predict", talk, "--run", world.runs[0], *options)
    assert (status, printed) == (1, "")
    assert len(problems) == 1 and re.search(words, problems[0])
    assert {path.name for path in Path().rglob("*") if path.is_file()} <= {"digests.jsonl"}
    assert not Path("predictions").exists() and not Path(".rjcma/predict").exists()


def test_a_person_who_is_not_seen_is_one_line(rjcma, world, talk):
    status, _, problems = rjcma("predict", talk, "--run", world.runs[0], "--person", 3)
    assert status == 1 and len(problems) == 1
    assert "number 3 from the left, of 1" in problems[0] and "--person" in problems[0]
    assert not Path("predictions").exists()


def test_everyone_of_a_video_of_one_person_is_that_person(rjcma, world, talk):
    assert rjcma("predict", talk, "--run", world.runs[0], "--everyone")[0] == 0
    assert [path.name for path in Path("predictions").iterdir()] == ["talk_1.csv"]


def test_a_person_with_the_name_of_another_video_is_one_line(rjcma, world, talk):
    film(Path("talk_1.mkv"), 3, faces=False)
    status, printed, problems = rjcma(
        "predict", talk, "talk_1.mkv", "--run", world.runs[0], "--everyone"
    )
    assert (status, printed) == (1, "") and len(problems) == 1
    assert "talk_1.mkv: found a video with the name of person 1 of" in problems[0]


def test_a_shard_is_refused(rjcma, world, talk, monkeypatch):
    monkeypatch.setenv("RJCMA_SHARD", "1/2")
    status, _, problems = rjcma("predict", talk, "--run", world.runs[0])
    assert status == 1 and "RJCMA_SHARD" in problems[0]


def test_a_full_disk_is_one_line_and_leaves_no_half_written_table(rjcma, world, talk, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables, "csv_text", full)
    status, printed, problems = rjcma("predict", talk, "--run", world.runs[0])
    assert (status, printed) == (1, "") and len(problems) == 1
    assert problems[0].startswith("problem: predictions/talk.csv: found no space left on device")
    assert "free space" in problems[0] and not Path("predictions").exists()


def test_a_full_disk_below_the_working_folder_is_named(rjcma, world, talk, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(adoption.jobs, "run", full)
    status, _, problems = rjcma("predict", talk, "--run", world.runs[0], "--work", "kept")
    assert status == 1 and len(problems) == 1
    assert problems[0].startswith("problem: kept/videos: found no space left on device")


def test_a_full_disk_where_a_film_is_to_be_is_named_by_the_films_path(
    rjcma, world, talk, monkeypatch
):
    def full(source, _):
        raise OSError(28, "No space left on device", str(source))

    monkeypatch.setattr(outputs.shutil, "copyfile", full)
    options = ("--run", world.runs[0], "--overlay", "films/talk.mp4")
    status, _, problems = rjcma("predict", talk, *options)
    assert status == 1 and len(problems) == 1
    assert problems[0].startswith("problem: films/talk.mp4: found no space left on device")
    assert not Path("films").exists()


def test_a_film_does_not_replace_a_video(rjcma, world, talk):
    own = Path(shutil.copy(talk, "talk.mp4"))
    other = Path(shutil.copy(talk, "film-talk.mp4"))
    for videos, overlay in (([own], "./talk.mp4"), ([own, other], "film.mp4")):
        status, printed, problems = rjcma(
            "predict", *videos, "--run", world.runs[0], "--overlay", overlay
        )
        assert (status, printed) == (1, "") and len(problems) == 1
        assert "found a video that is to be predicted" in problems[0]
    assert own.read_bytes() == other.read_bytes() == talk.read_bytes()


def test_a_film_has_the_name_that_it_has_if_no_other_video_fails(rjcma, world, talk):
    Path("bad.mp4").touch()
    options = ("--run", world.runs[0], "--overlay", "film.mp4", "--person", "left")
    assert rjcma("predict", talk, "bad.mp4", *options)[0] == 1
    assert [path.name for path in Path().glob("film*")] == ["film-talk.mp4"]


def test_a_half_written_run_is_not_exported(rjcma, world, folder):
    copy = Path(shutil.copytree(world.runs[0], folder / "run"))
    (copy / "run.json").unlink()
    status, _, problems = rjcma("export", copy, "talks.rjcma")
    assert status == 1 and "found no run.json" in problems[0]
    assert not Path("talks.rjcma").exists()


@pytest.mark.parametrize("missing", ["run.json", "weights.safetensors"])
def test_a_half_written_run_among_others_is_not_left_out(rjcma, world, talk, missing):
    runs = Path(shutil.copytree(world.root / "runs", "runs"))
    (runs / "valence-1" / missing).unlink()
    status, printed, problems = rjcma("predict", talk, "--run", runs)
    assert (status, printed) == (1, "") and len(problems) == 1
    assert f"runs/valence-1: found no {missing}" in problems[0]


def test_a_run_that_is_being_trained_is_not_left_out(rjcma, world, talk):
    runs = Path(shutil.copytree(world.root / "runs", "runs"))
    (runs / "valence-2" / "live").mkdir(parents=True)
    _, _, problems = rjcma("predict", talk, "--run", runs)
    assert len(problems) == 1 and "wait until the run has ended" in problems[0]


def test_a_bundle_where_a_folder_is_is_one_line(rjcma, world):
    Path("runs").mkdir()
    status, printed, problems = rjcma("export", world.runs[0], "runs")
    assert (status, printed) == (1, "") and len(problems) == 1
    assert problems[0].startswith("problem: runs: found is a directory; expected a path")
    assert [path.name for path in Path().iterdir() if path.name != ".rjcma"] == ["runs"]


def test_nothing_but_runs_where_a_video_is_to_be_is_one_line(rjcma, world):
    status, _, problems = rjcma("predict", world.runs[0], "--run", world.runs[1])
    assert status == 1 and len(problems) == 1 and "no video" in problems[0]


def test_a_folder_without_videos_is_no_run(rjcma, world):
    Path("talks/more").mkdir(parents=True)
    Path("talks/notes.txt").touch()
    status, printed, problems = rjcma("predict", "talks", "--run", *world.runs)
    assert (status, printed) == (1, "") and len(problems) == 1
    assert problems[0].startswith("problem: talks: found a folder without videos; expected a video")


def test_a_users_own_files_in_a_working_folder_are_not_removed(rjcma, world, talk):
    Path("videos").mkdir()
    own = Path(shutil.copy(talk, "videos"))
    status, _, problems = rjcma("predict", own, "--run", *world.runs, "--work", ".")
    assert status == 1 and len(problems) == 1
    assert problems[0].startswith("problem: videos: found a folder with other files, such as talk")
    assert own.read_bytes() == talk.read_bytes()
    own.rename("talk.mkv")
    assert rjcma("predict", "talk.mkv", "--run", *world.runs, "--work", ".")[0] == 0

"""The command `rjcma`: it checks params, mends DVC's files, prints the table, draws."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import cv2
import films
import huggingface_hub.constants
import numpy as np
import places
import pytest
from drawn_people import drawn
from scoring_world import make, results

from rjcma import params, start, store
from rjcma.doctor import project
from rjcma.scoring import report
from rjcma.speech import words
from rjcma.speech.words import Word

ROOT = places.ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder in which commands run, with the pipeline and only the committed models."""
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edited(folder: Path, *changes: tuple[str, str]) -> Path:
    """The committed params file with some text replaced."""
    text = (ROOT / "params.yaml").read_text()
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "params.yaml").write_text(text)
    return folder / "params.yaml"


def test_every_section_of_params_is_checked():
    assert set(start.CLASSES) == set(params.SECTIONS) and len(params.SECTIONS) == 12


def test_the_committed_params_are_valid(rjcma, folder):
    edited(folder)
    assert rjcma("check") == (0, "params.yaml: all 12 sections are valid\n", "")
    path = ROOT / "params.yaml"
    assert rjcma("check", path) == (0, f"{path}: all 12 sections are valid\n", "")


PAPERS = {
    "speech.model": "models/vosk-model-en-us-0.22",
    "punctuation.model": "models/fullstop-punctuation-multilang-large",
    "text.model": "models/bert-base-uncased",
    "encoders.visual.weights": "models/res50_ir_0.887.pth",
    "encoders.audio.weights": "models/vggish-10086976.pth",
}
"""The models in the params of the paper."""


def test_the_papers_params_only_lack_its_models(rjcma, tmp_path):
    status, printed, problems = rjcma("check", ROOT / "params/affwild2.yaml")
    assert (status, printed) == (1, "")
    assert len(problems.splitlines()) == len(PAPERS)
    for line, (key, name) in zip(problems.splitlines(), PAPERS.items()):
        assert line.startswith("problem: ") and name in line and key in line


def test_each_model_of_the_papers_params_says_how_to_get_it(rjcma):
    _, _, problems = rjcma("check", ROOT / "params/affwild2.yaml")
    for line, name in zip(
        problems.splitlines(),
        ("vosk-en-us", "fullstop-punctuation", "bert-base-uncased", "", "vggish"),
    ):
        assert f"to do: `rjcma models fetch {name}`;" in line or (
            not name and "ask the authors of the paper for res50_ir_0.887.pth" in line
        )


def test_models_that_are_recorded_may_be_missing(rjcma, tmp_path):
    record = tmp_path / "record.json"
    record.write_text(json.dumps(dict.fromkeys(PAPERS, "a digest")))
    status, printed, problems = rjcma("check", ROOT / "params/affwild2.yaml", "--models", record)
    *notes, last = printed.splitlines()
    assert (status, problems) == (0, "")
    assert last == f"{ROOT / 'params/affwild2.yaml'}: all 12 sections are valid"
    kept = "the model is missing here; files made with it are kept"
    assert notes == [f"note: {key}: {kept}" for key in PAPERS]


def test_check_and_the_doctor_read_the_record_that_stage_index_writes(rjcma, folder):
    (folder / "data").mkdir()
    (folder / "data/models.json").write_text(json.dumps(dict.fromkeys(PAPERS, "a digest")))
    assert rjcma("check", ROOT / "params/affwild2.yaml")[0] == 0
    told = project.lines(ROOT / "params/affwild2.yaml")
    assert sum("is kept" in line.found for line in told) == len(PAPERS)


@pytest.mark.parametrize(
    "old, new, parts",
    [
        ("recursions: 3", "recursions: 0", ["recursions = 0", "greater than or equal to 1"]),
        ("stride: 200", "strid: 200", ["windows.strid = 200", "stride"]),
        ("size: 48", "size: large", ["faces.size = 'large'", "a whole number"]),
        (
            "targets: [valence,",
            "targets: [joy,",
            ["target joy in runs.targets", "valence, arousal"],
        ),
        ("folds: [0, 1, 2]", "folds: [0, 0]", ["runs.folds = [0, 0]", "each of them once"]),
        ("folds: [0, 1, 2]", "folds: []", ["runs.folds = []", "a list of at least 1"]),
        ("folds: [0, 1, 2]", "folds: [0, -1]", ["runs.folds.1 = -1", "greater"]),
        ("folds: [0, 1, 2]", "folds: [0, 3]", ["fold 3 in runs.folds", "folds from 0 to 2"]),
        ("fusion:\n", "fussion:\n", ["key fussion", "fusion"]),
    ],
)
def test_a_mistake_in_params_is_one_line(rjcma, tmp_path, old, new, parts):
    status, _, printed = rjcma("check", edited(tmp_path, (old, new)))
    assert status == 1
    assert printed.count("\n") == 1
    assert printed.startswith(f"problem: {tmp_path}/params.yaml: found ")
    assert all(part in printed for part in parts)


def test_all_mistakes_in_params_are_reported_at_once(rjcma, tmp_path):
    path = edited(tmp_path, ("recursions: 3", "recursions: 0"), ("stride: 200", "stride: -7"))
    status, _, printed = rjcma("check", path)
    assert status == 1
    assert ["recursions" in printed.splitlines()[0], "stride" in printed.splitlines()[1]] == [
        True
    ] * 2
    assert printed.count("\n") == 2


def test_a_mistake_of_the_whole_file_is_reported_once(rjcma, tmp_path):
    status, _, printed = rjcma("check", edited(tmp_path, ("fusion:\n", "fusion: {\n")))
    assert status == 1
    assert printed.count("\n") == 1 and "expected YAML" in printed


def test_mend_prints_what_it_did_and_nothing_if_there_was_nothing_to_do(rjcma, tmp_path):
    lock = tmp_path / ".dvc/tmp/rwlock"
    assert rjcma("mend") == (0, "", "")
    lock.parent.mkdir(parents=True)
    lock.write_text('{"data/sample": ')
    assert rjcma("mend") == (0, f"{lock}: damaged file removed\n", "")
    assert not lock.exists()
    assert rjcma("mend") == (0, "", "")


def test_table_prints_the_table_and_where_the_report_is(rjcma, tmp_path):
    (tmp_path / "table.md").write_text("| the table |\n")
    status, printed, _ = rjcma("table", tmp_path)
    assert status == 0
    assert "| the table |\n" in printed
    assert f"Open {tmp_path / 'index.html'} to see it" in printed


def test_a_missing_table_is_a_problem(rjcma, tmp_path):
    status, _, printed = rjcma("table", tmp_path)
    assert status == 1
    assert printed.startswith(f"problem: {tmp_path}/table.md: found no such file")


@pytest.fixture
def world(tmp_path):
    """A scored world with faces and transcripts."""
    world = make(tmp_path / "world")
    report.write(results(world), world.report)
    world.faces, world.transcripts = tmp_path / "faces", tmp_path / "transcripts"
    world.faces.mkdir()
    world.transcripts.mkdir()
    for clip in world.clips:
        store.write(world.faces / f"{clip.name}.h5", np.zeros((clip.frames, 5, 5, 3), np.uint8))
        words.write(world.transcripts / f"{clip.video}.json", [Word("Hello.", 0.1, 0.2, 1.0)])
    world.options = ["--manifest", world.manifest, "--faces", world.faces]
    world.options += ["--transcripts", world.transcripts, "--traces", world.report / "traces"]
    return world


def test_picture_draws_a_png_of_a_stretch(rjcma, world, tmp_path):
    out = tmp_path / "out.png"
    status, printed, _ = rjcma(
        "picture", "cleo", out, *world.options, "--start", 0.5, "--end", 1.25
    )
    assert (status, printed) == (0, f"{out}: drawn\n")
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_an_unknown_clip_is_a_problem_that_names_similar_ones(rjcma, world, tmp_path):
    status, _, printed = rjcma("picture", "clea", tmp_path / "out.png", *world.options)
    assert status == 1
    assert "clip clea" in printed and "such as cleo" in printed
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "break_it, parts",
    [
        (lambda w: (w.report / "traces/cleo.csv").unlink(), "traces/cleo.csv: found no such file"),
        (lambda w: (w.report / "traces/cleo.csv").write_text("frame\n0\n"), "the columns "),
        (lambda w: (w.faces / "cleo.h5").unlink(), "faces/cleo.h5: found no such file"),
        (lambda w: (w.transcripts / "cleo.json").write_text("{"), "transcripts/cleo.json: found"),
    ],
)
def test_missing_data_for_a_picture_is_a_problem(rjcma, world, tmp_path, break_it, parts):
    break_it(world)
    status, _, printed = rjcma("picture", "cleo", tmp_path / "out.png", *world.options)
    assert status == 1
    assert printed.startswith("problem: clip cleo: ") and parts in printed
    assert printed.count("\n") == 1


def test_a_read_only_file_system_is_one_line(rjcma, monkeypatch):
    def refused(root):
        raise OSError(errno.EROFS, "Read-only file system", ".dvc/tmp/rwlock")

    monkeypatch.setattr("rjcma.mend.mend", refused)
    status, printed, problems = rjcma("mend")
    assert (status, printed) == (1, "")
    assert problems.startswith("problem: .dvc/tmp/rwlock: found read-only file system; expected")


@pytest.mark.parametrize(
    "words, named",
    [
        (["table", "params.yaml"], "params.yaml/table.md: found not a directory"),
        (["check", "models"], "models: found is a directory"),
        (["models", "list", "--registry", "models"], "models: found is a directory"),
    ],
)
def test_a_folder_in_place_of_a_file_is_one_line_and_so_is_a_file_of_a_folder(
    rjcma, folder, words, named
):
    edited(folder)
    status, printed, problems = rjcma(*words)
    assert (status, printed) == (1, "") and len(problems.splitlines()) == 1
    assert problems.startswith(f"problem: {named}; expected")


LONG = 300 * "x"
"""A name that no file can have: file systems allow 255 bytes."""


@pytest.mark.parametrize(
    "words",
    [
        ["predict", LONG, "--run", "models"],
        ["predict", "talk.mkv", "--run", LONG],
        ["faces", "talk.mkv", "--params", LONG],
        ["check", LONG],
        ["compare", LONG, "models"],
    ],
)
def test_a_name_that_is_too_long_is_one_line(rjcma, folder, words):
    status, printed, problems = rjcma(*words)
    assert (status, printed) == (1, "") and len(problems.splitlines()) == 1
    assert problems.startswith(f"problem: {LONG}")
    assert ": found file name too long; expected a name that a file can have" in problems


def test_any_other_error_of_the_system_is_not_hidden(rjcma, monkeypatch):
    def broken(root):
        raise FileNotFoundError(errno.ENOENT, "No such file", "x")

    monkeypatch.setattr("rjcma.mend.mend", broken)
    with pytest.raises(FileNotFoundError):
        rjcma("mend")


# -------------------------------------------------------------------------- faces


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A video of a drawn person who is hidden in the end."""
    seen = [drawn((200 + 3 * k, 130)) for k in range(4)]
    return films.write(tmp_path_factory.mktemp("film") / "anna.mkv", [*seen, drawn(), drawn()])


def test_a_sheet_of_faces_is_drawn_and_their_share_is_printed(rjcma, folder, film):
    status, printed, problems = rjcma("faces", film, "--engine", "haar", "--out", "a.png")
    assert (status, problems) == (0, "")
    assert printed.startswith("anna.mkv: 4 of 6 frames have a face (67%); people: 1, tracks: 1")
    assert "frames a second\na.png: drawn" in printed
    sheet = cv2.imread("a.png")
    assert sheet.shape[1] > 1500 and len(np.unique(sheet.reshape(-1, 3), axis=0)) > 500
    green = (np.abs(sheet.astype(int) - (80, 161, 18)).max(2) < 12).sum()
    assert green > 2000  # the chosen person's line, and a box in each frame


def test_each_of_several_videos_has_a_sheet_and_a_person_may_be_asked_for(rjcma, folder, film):
    other = folder / "bert.mkv"
    other.write_bytes(film.read_bytes())
    status, printed, _ = rjcma("faces", film, other, "--engine", "haar", "--person", "right")
    assert status == 0 and printed.count("one person only, on the left") == 2
    assert {path.name for path in folder.glob("*.png")} == {"faces-anna.png", "faces-bert.png"}


def test_sheets_of_two_videos_of_one_name_are_refused_before_any_is_drawn(rjcma, folder, film):
    other = folder / "Anna.mp4"
    other.write_bytes(film.read_bytes())
    status, printed, problems = rjcma("faces", film, other, "--engine", "haar")
    assert (status, printed) == (1, "") and not list(folder.glob("*.png"))
    assert problems.startswith(f"problem: {other}: found a video with the name of {film}")


def test_the_detector_of_the_params_is_used(rjcma, folder, film):
    edited(folder, ("detector: null", "detector: {engine: haar}"))
    assert rjcma("faces", film)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "found no faces.detector"),
        (("--engine", "dlib"), "faces.detector.engine = 'dlib'; expected one of yunet, haar"),
        (("--engine", "yunet"), "faces.detector.model = no value"),
        (("--model", "/none.onnx"), "none.onnx: found no such file"),
        (("--engine", "haar", "--person", "middle"), "found middle; expected left, right"),
    ],
)
def test_what_cannot_be_looked_for_is_said_in_one_line(rjcma, folder, film, arguments, said):
    status, printed, problems = rjcma("faces", film, *arguments)
    assert (status, printed) == (1, "")
    assert said in problems and len(problems.splitlines()) == 1


def test_what_is_no_video_is_said_in_one_line(rjcma, folder):
    (folder / "text.mp4").write_text("no video")
    status, _, problems = rjcma("faces", "text.mp4", "--engine", "haar")
    assert status == 1 and "found a file that cannot be opened" in problems
    assert len(problems.splitlines()) == 1


def test_the_submission_is_written_from_the_runs_that_the_pipeline_trained(
    rjcma, world, tmp_path, monkeypatch
):
    places_of = (
        f"python -m stages.score {world.manifest} {world.labels} {world.runs} {world.report}"
    )
    (tmp_path / "dvc.yaml").write_text(f"stages: {{score: {{cmd: {places_of} --features x}}}}\n")
    status, printed, _ = rjcma("submission", "--params", world.params)
    assert status == 0
    assert printed.splitlines()[-1] == "submission/mean.csv: 5 rows, the mean of 3 folds"
    expected = (world.report / "submission.csv").read_bytes()
    assert (tmp_path / "submission/mean.csv").read_bytes() == expected
    status, _, problems = rjcma("submission", tmp_path / "dvc.yaml", "--params", world.params)
    assert status == 1 and problems.startswith(f"problem: {tmp_path}/dvc.yaml: found file exists")
    (tmp_path / "s.csv").write_text("image_location,valence\nemil_test/00009.jpg,\n")
    status, printed, _ = rjcma("submission", "out", "--sample", "s.csv", "--params", world.params)
    assert status == 0 and "out/fold1.csv: 1 row, one fold" in printed
    assert "nearest frame: 1 (emil_test 1)" in printed and "not ask for: 5" in printed


def test_a_bad_sample_of_the_submission_is_a_line(rjcma, world, tmp_path):
    places_of = (
        f"python -m stages.score {world.manifest} {world.labels} {world.runs} {world.report}"
    )
    (tmp_path / "dvc.yaml").write_text(f"stages: {{score: {{cmd: {places_of}}}}}\n")
    (tmp_path / "s.csv").write_text("nonsense")
    status, printed, problems = rjcma("submission", "--sample", "s.csv", "--params", world.params)
    assert (status, printed) == (1, "") and len(problems.splitlines()) == 1
    assert not (tmp_path / "submission").exists()

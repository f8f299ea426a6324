"""What `rjcma about` says of features, runs and reports, and of files that nothing is known of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rjcma.about import EDITED, UNKNOWN, WHOLE, tell
from rjcma.commands import pipeline
from rjcma.jobs import adoption, provenance, work
from rjcma.jobs.work import Job, Work
from rjcma.problem import Problem, Problems


@pytest.fixture(autouse=True)
def libraries(monkeypatch):
    monkeypatch.setattr("rjcma.jobs.code.libraries", lambda modules: {"vosk": "0.3"})


def speak(out: Path) -> None:
    out.write_text('{"words": []}\n')


def sing(out: Path) -> None:
    out.write_text("la")


def made(folder: Path, make=speak, suffix=".json") -> Path:
    work.run(work_of(folder, make, suffix))
    return folder / f"anna{suffix}"


def work_of(folder: Path, make=speak, suffix=".json") -> Work:
    return Work(
        make,
        [Job("anna", (), {"sound": "0123"})],
        folder,
        suffix,
        stage="transcribe",
        settings={"speech": {"engine": "vosk", "beams": [1, 2]}},
        models={"speech.model": "4567"},
        unit="video",
        workers="here",
        quiet=True,
    )


@pytest.mark.parametrize(("make", "suffix"), [(speak, ".json"), (sing, ".wav")])
def test_lines_for_people_are_aligned_and_in_order(tmp_path, make, suffix, capsys):
    path = made(tmp_path / "words", make, suffix)
    pipeline.about([path])
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == str(path)
    code = work_of(tmp_path, make, suffix).recipe.code
    assert lines == [
        f"  file       anna{suffix}",
        "  video      anna",
        "  stage      transcribe",
        f"  function   {__name__}:{make.__name__}",
        f"  package    {provenance.package()}",
        f"  code       {code}",
        "  libraries  vosk           0.3",
        "  models     speech.model   4567",
        "  settings   speech.beams   1, 2",
        "             speech.engine  vosk",
        "  inputs     sound          0123",
        f"  content    {tell(path).about['content']}",
        f"  state      {WHOLE}",
    ]


def test_programs_get_json(tmp_path, capsys):
    paths = [made(tmp_path / "words"), made(tmp_path / "sounds", sing, ".wav")]
    pipeline.about(paths, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in told] == [str(path) for path in paths]
    assert [each["about"]["inputs"] for each in told] == [{"sound": "0123"}] * 2
    assert [each["whole"] for each in told] == [True, True]


@pytest.mark.parametrize(("make", "suffix"), [(speak, ".json"), (sing, ".wav")])
def test_an_edited_file_is_told_as_such(tmp_path, make, suffix):
    path = made(tmp_path / "words", make, suffix)
    path.write_bytes(path.read_bytes() + b" ")
    assert tell(path).state == EDITED and EDITED in tell(path).text()
    assert tell(path).plain()["whole"] is False


def test_a_file_says_so_wherever_it_is_copied_to(tmp_path):
    path = made(tmp_path / "words")
    copy = tmp_path / "renamed.json"
    copy.write_bytes(path.read_bytes())
    assert tell(copy).about == tell(path).about and tell(copy).about["file"] == "anna.json"
    assert tell(copy).state == UNKNOWN and tell(copy).plain()["whole"] is None


def test_an_adopted_file_says_what_made_it_and_its_ledger_for_what_it_is_kept(
    tmp_path, monkeypatch
):
    for make, suffix in ((speak, ".json"), (sing, ".wav")):
        monkeypatch.setattr("rjcma.jobs.code.digest", lambda modules: "before")
        path = made(tmp_path / suffix, make, suffix)
        monkeypatch.setattr("rjcma.jobs.code.digest", lambda modules: "after")
        adoption.adopt([work_of(tmp_path / suffix, make, suffix)], 1)
        told = tell(path)
        assert told.about["code"] == "before" and told.state == WHOLE
        assert told.adopted == {"code": "after", "libraries": {"vosk": "0.3"}, "checked": ["anna"]}
        assert [row.split() for row in told.text().splitlines()[-3:]] == [
            ["adopted", "code", "after"],
            ["libraries.vosk", "0.3"],
            ["checked", "anna"],
        ]


def test_a_file_made_before_files_held_provenance_is_told_from_its_ledger(tmp_path):
    path = made(tmp_path / "words", sing, ".wav")
    ledger = path.with_name(".keys")
    content = json.loads(ledger.read_text())
    del content["format"]
    content["files"]["anna.wav"] = content["files"]["anna.wav"][:3]
    ledger.write_text(json.dumps(content))
    told = tell(path)
    assert set(told.about) == {"file", "code", "libraries", "settings", "models", "content"}
    assert told.state == WHOLE


def test_a_file_of_another_version_says_which_even_under_a_newer_ledger(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(provenance, "package", lambda: "rjcma 9.8")
        path = made(tmp_path / "words")
        sound = made(tmp_path / "sounds", sing, ".wav")
    for each in (path, sound):
        assert tell(each).about["package"] == "rjcma 9.8" and tell(each).state == WHOLE
        before = each.read_bytes()
        work.run(work_of(each.parent, speak if each is path else sing, each.suffix))
        assert each.read_bytes() == before
        each.with_name(".keys").write_text('{"format": 99}')
    assert tell(path).about["package"] == "rjcma 9.8" and tell(path).state == UNKNOWN
    with pytest.raises(Problem, match="format 99"):
        tell(sound)


def report(folder: Path) -> Path:
    (folder / "traces").mkdir(parents=True)
    (folder / "table.csv").write_text("fold,ccc\n0,0.5\n")
    (folder / "traces" / "anna.csv").write_text("time\n")
    inputs = {"valence-0/run.json": "0123"}
    parts = ("*.csv", "traces")
    provenance.write_report(folder, "score", [f"{__name__}:report"], parts, {"runs": {}}, inputs)
    return folder


def test_files_of_a_report_are_told_from_its_about_json(tmp_path):
    folder = report(tmp_path / "report")
    for name in ("table.csv", "traces/anna.csv"):
        told = tell(folder / name)
        assert told.about["file"] == name and told.state == WHOLE
        assert told.about["inputs"] == {"valence-0/run.json": "0123"}
        assert told.about["stage"] == "score" and told.about["package"] == provenance.package()
    (folder / "table.csv").write_text("fold,ccc\n0,0.9\n")
    assert tell(folder / "table.csv").state == EDITED
    assert tell(folder / "about.json").about["stage"] == "score"
    before = (report(tmp_path / "again") / "about.json").read_bytes()
    assert (folder / "about.json").read_bytes() == before


def test_what_else_is_in_the_folder_of_a_report_is_no_part_of_it(tmp_path):
    folder = tmp_path / "report"
    path = made(folder / "previews")
    (folder / "comparison").mkdir()
    (folder / "comparison/table.csv").write_text("of another command\n")
    report(folder)
    assert tell(path).about["stage"] == "transcribe" and tell(path).state == WHOLE
    assert list(json.loads((folder / "about.json").read_text())["files"]) == [
        "table.csv",
        "traces/anna.csv",
    ]


def test_a_file_that_nothing_is_known_of_is_a_problem_and_the_others_are_told(tmp_path, capsys):
    path = made(tmp_path / "words")
    folder = report(tmp_path / "report")
    unknown = [tmp_path / "a.txt", path.with_name("b.json"), folder / "traces" / "b.csv"]
    for each in unknown:
        each.write_text("{}")
    asked = [*unknown, tmp_path / "none", tmp_path / "words", path]
    with pytest.raises(Problems) as caught:
        pipeline.about(asked)
    found = [problem.found for problem in caught.value.problems]
    assert [each.split(":")[0] for each in found] == [
        *["no provenance"] * 3,
        "no such file",
        "a folder",
    ]
    assert capsys.readouterr().out.startswith(str(path))
    with pytest.raises(Problems):
        pipeline.about(unknown)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", ['{"about": {}}', '{"about": {}, "files": []}', "{", "[]"])
def test_a_damaged_about_json_tells_nothing(tmp_path, content):
    folder = report(tmp_path / "report")
    (folder / "about.json").write_text(content)
    with pytest.raises(Problem, match="no provenance"):
        tell(folder / "table.csv")

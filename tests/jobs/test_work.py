from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from rjcma.jobs.digests import digest_folder, digest_text
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.work import Job, Work, run
from rjcma.jobs.workers import worker_count
from rjcma.problem import Problem, Problems

FULL_GPU = (
    "CUDA out of memory. Tried to allocate 2.20 GiB. GPU 0 has a total capacity of 79.18 GiB of "
    "which 1.06 GiB is free. Including non-PyTorch memory, this process has 78.11 GiB in use.\nSee "
    "documentation for Memory Management"
)


def upper(text: str, log: Path, out: Path) -> None:
    """Writes the text in capitals, and logs that it was called."""
    with open(log, "a") as file:
        file.write(text + "\n")
    if text == "bad":
        out.write_text("half of it")
        raise Problem(clip=text, file="in.txt", found="bad", expected="good", cure="mend it")
    if text == "bug":
        raise ZeroDivisionError("oops")
    if text == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if text == "large":
        raise torch.OutOfMemoryError(FULL_GPU)
    if text == "killed":
        os._exit(9)
    out.write_text(text.upper())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def made(tmp_path, folder, texts, workers="threads", pool=None, **other):
    """Run over `texts`; -> the words with which the function was called, sorted."""
    log = tmp_path / "log"
    log.write_text("")
    jobs = [Job(name, (text, log), {"text": digest_text(text)}) for name, text in texts.items()]
    try:
        run(Work(upper, jobs, folder, ".txt", workers=workers, **other), pool)
    finally:
        called = sorted(log.read_text().split())
    return called


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


TEXTS = {"a": "ant", "b": "bee", "c": "cat"}


@pytest.mark.parametrize("workers", ["processes", "threads", "one", "here"])
def test_every_clip_is_made_once_by_any_kind_of_worker(tmp_path, folder, workers):
    assert made(tmp_path, folder, TEXTS, workers) == ["ant", "bee", "cat"]
    assert made(tmp_path, folder, TEXTS, workers) == []
    assert (folder / "b.txt").read_text() == "BEE"


def test_any_executor_can_be_used(tmp_path, folder):
    with ThreadPoolExecutor(1) as executor:
        assert made(tmp_path, folder, TEXTS, pool=executor) == ["ant", "bee", "cat"]


def test_only_changed_clips_are_made_again(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    assert made(tmp_path, folder, TEXTS | {"b": "bug-free bee"}) == ["bee", "bug-free"]
    assert (folder / "b.txt").read_text() == "BUG-FREE BEE"


def test_a_changed_setting_model_or_code_makes_everything_again(tmp_path, folder, capsys):
    settings, models = {"faces": {"size": 48}}, {"speech.model": "one"}
    made(tmp_path, folder, TEXTS, settings=settings, models=models)
    assert made(tmp_path, folder, TEXTS, settings=settings, models=models) == []
    other = {"faces": {"size": 40}}
    assert made(tmp_path, folder, TEXTS, settings=other, models=models) == ["ant", "bee", "cat"]
    assert "3 to make (3 faces.size 48 -> 40)" in capsys.readouterr().err
    models = {"speech.model": "another"}
    assert made(tmp_path, folder, TEXTS, settings=other, models=models) == ["ant", "bee", "cat"]
    assert "3 to make (3 another speech.model)" in capsys.readouterr().err
    code = ["rjcma.timeline:frame_times"]
    again = made(tmp_path, folder, TEXTS, settings=other, models=models, implementations=code)
    assert again == ["ant", "bee", "cat"]
    assert "3 to make (3 code)" in capsys.readouterr().err


def test_the_line_of_progress_says_why_each_is_made(tmp_path, folder, capsys):
    made(tmp_path, folder, TEXTS)
    (folder / "a.txt").write_text("A")
    (folder / "b.txt").unlink()
    made(tmp_path, folder, TEXTS | {"c": "cow", "d": "dog", "e": "eel"})
    line = next(x for x in capsys.readouterr().err.splitlines() if "5 in all" in x)
    assert line.startswith(f"{folder}: 5 in all, 0 kept, 5 to make (2 new, ")
    assert {"1 edited file", "1 lost file", "1 input"} <= set(
        line[:-1].split("(2 new, ")[1].split(", ")
    )


def test_a_missing_model_stops_only_the_clips_that_must_be_made(tmp_path, folder):
    made(tmp_path, folder, TEXTS, models={"speech.model": "one"})
    missing = Problem(file="m", found="no such folder", expected="a model", cure="get it")
    assert made(tmp_path, folder, TEXTS, models={"speech.model": missing}) == []
    with pytest.raises(Problem, match="get it"):
        made(tmp_path, folder, TEXTS | {"d": "dog"}, models={"speech.model": missing})
    assert sorted(contents(folder)) == [".keys", "a.txt", "b.txt", "c.txt"]


def test_without_the_corpus_nothing_is_made_or_changed_and_what_has_the_same_key_is_kept(
    tmp_path, folder
):
    with pytest.raises(Problem, match=r"3 to make \(3 new\): a, b, c; and no corpus at /nowhere"):
        made(tmp_path, folder, TEXTS, source=Path("/nowhere"))
    assert not folder.exists()  # else DVC would take an empty folder for changed outputs
    made(tmp_path, folder, TEXTS, source=tmp_path)
    before = contents(folder)
    assert made(tmp_path, folder, TEXTS, source=Path("/nowhere")) == []
    with pytest.raises(Problem, match=r"1 to make \(1 input\): b; .*`dvc pull "):
        made(tmp_path, folder, {"b": "bird"}, source=Path("/nowhere"))
    assert contents(folder) == before


def test_an_outdated_output_stays_until_the_new_one_replaces_it(tmp_path, folder):
    script, reached = tmp_path / "slow.py", tmp_path / "reached"
    script.write_text(SLOW)
    subprocess.run([sys.executable, script, folder, reached, "1"], check=True)
    before = contents(folder)
    run_and_kill(script, folder, reached, "2")
    mixed = contents(folder)
    made_anew = [mixed[f"{n}.txt"].endswith(b" 2") for n in range(6)]
    assert made_anew == [True, True, True, True, False, False]
    done = subprocess.run(
        [sys.executable, script, folder, reached, "1"], check=True, stderr=subprocess.PIPE
    )
    assert b"6 in all, 2 kept, 4 to make" in done.stderr
    assert contents(folder) == before


def test_an_output_of_a_removed_clip_is_removed(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    made(tmp_path, folder, {"a": "ant"})
    assert sorted(contents(folder)) == [".keys", "a.txt"]


def test_an_edited_or_lost_output_is_made_again(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    (folder / "a.txt").write_text("A")
    (folder / "b.txt").unlink()
    assert made(tmp_path, folder, TEXTS) == ["ant", "bee"]


def test_an_updated_folder_is_the_same_as_one_made_from_nothing(tmp_path, folder):
    made(tmp_path, folder, {"c": "cow", "d": "dog"})
    made(tmp_path, folder, TEXTS)
    made(tmp_path, tmp_path / "fresh", TEXTS)
    assert contents(folder) == contents(tmp_path / "fresh")


def test_a_clip_that_fails_leaves_the_others_made_and_kept(tmp_path, folder):
    texts = {"0": "bad", **TEXTS, "z": "bug"}
    with pytest.raises(Problems) as caught:
        made(tmp_path, folder, texts)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("clip bad: in.txt: found bad; expected good; to do: mend it")
    assert "ZeroDivisionError: oops" in lines[1] and "clip z" in lines[1]
    assert sorted(contents(folder)) == [".failed", ".keys", "a.txt", "b.txt", "c.txt"]
    assert made(tmp_path, folder, TEXTS) == []


def test_a_gpu_that_is_full_is_a_problem_with_a_cure(tmp_path, folder):
    with pytest.raises(Problems) as caught:
        made(tmp_path, folder, {"a": "large"})
    [line] = str(caught.value).splitlines()
    assert "clip a" in line and "CUDA out of memory. Tried to allocate 2.20 GiB" in line
    assert "lower batch" in line and "bug" not in line


def test_a_worker_that_is_killed_is_a_problem_and_finished_clips_stay(tmp_path, folder):
    made(tmp_path, folder, TEXTS, "processes")
    with pytest.raises(Problems, match="RJCMA_WORKERS=1"):
        made(tmp_path, folder, TEXTS | {"k": "killed"}, "processes")
    assert made(tmp_path, folder, TEXTS, "processes") == []


def test_the_files_of_other_jobs_stay_where_they_are_kept(tmp_path, folder):
    made(tmp_path, folder, {"a": "one", "b": "two"}, keeps_others=True)
    assert made(tmp_path, folder, {"c": "three"}, keeps_others=True) == ["three"]
    assert sorted(path.name for path in folder.glob("*.txt")) == ["a.txt", "b.txt", "c.txt"]
    assert made(tmp_path, folder, {"a": "one", "b": "other"}, keeps_others=True) == ["other"]
    (folder / ".d.txt.1234.partial").touch()
    assert made(tmp_path, folder, {"c": "three"}, keeps_others=True) == []
    assert not list(folder.glob("*.partial"))
    made(tmp_path, folder, {"a": "one"})
    assert [path.name for path in folder.glob("*.txt")] == ["a.txt"]


def test_partial_files_of_a_killed_run_are_removed(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    (folder / ".a.txt.partial").write_text("A")
    made(tmp_path, folder, TEXTS)
    assert ".a.txt.partial" not in contents(folder)


def test_an_existing_output_is_replaced_and_never_written_into(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    cached = tmp_path / "cache"
    os.link(folder / "a.txt", cached)  # as DVC links its cache
    made(tmp_path, folder, TEXTS | {"a": "ape"})
    assert cached.read_text() == "ANT" and (folder / "a.txt").read_text() == "APE"


@pytest.mark.parametrize(
    "content", ["not JSON", "[]", '{"files": {"a.txt": 7}}', '{"files": {"a.txt": []}}', ""]
)
def test_a_damaged_ledger_makes_everything_again(tmp_path, folder, content):
    made(tmp_path, folder, TEXTS)
    (folder / ".keys").write_text(content)
    assert made(tmp_path, folder, TEXTS) == ["ant", "bee", "cat"]


def test_no_clips_leave_an_empty_folder(tmp_path, folder):
    assert made(tmp_path, folder, {}) == []
    assert [path.name for path in folder.iterdir()] == [".keys"]


def test_a_job_may_make_several_files(tmp_path, folder):
    job = Job("two", (), {"x": "x"}, files=("one.txt", "two.txt"))
    work = Work(_two_files, [job], folder, "", workers="here")
    run(work)
    assert {n: b for n, b in contents(folder).items() if n != ".keys"} == {
        "one.txt": b"1",
        "two.txt": b"2",
    }
    (folder / "two.txt").unlink()
    (folder / "one.txt").chmod(0o444)
    run(work)
    assert (folder / "two.txt").read_text() == "2"


def _two_files(out: Path) -> None:
    (out / "one.txt").write_text("1")
    (out / "two.txt").write_text("2")


def test_the_same_files_are_taken_over_from_elsewhere(tmp_path, folder, capsys):
    made(tmp_path, folder, TEXTS)
    other = tmp_path / "other"
    assert made(tmp_path, other, TEXTS, elsewhere=[tmp_path / "none", folder]) == []
    assert f"{other}: 3 in all, 0 kept, 3 taken over" in capsys.readouterr().err
    assert contents(other) == contents(folder)
    third = tmp_path / "third"
    more = TEXTS | {"d": "dog", "a": "ape"}
    assert made(tmp_path, third, more, elsewhere=[folder]) == ["ape", "dog"]


def test_what_was_edited_elsewhere_is_not_taken_over(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    (folder / "a.txt").write_text("A")
    assert made(tmp_path, tmp_path / "other", TEXTS, elsewhere=[folder]) == ["ant"]


def test_a_module_is_loaded_only_if_there_is_something_to_make(tmp_path, folder):
    (tmp_path / "loud.py").write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "print('loaded', file=sys.stderr)\n"
        "def make(out): out.write_text('x')\n"
    )
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rjcma.jobs import code, work\n"
        "code._loaded = lambda module: Path(module + '.py')\n"
        "jobs = [work.Job('a', (), {})]\n"
        "work.run(work.Work('loud:make', jobs, Path('out'), '.txt', workers='here'))\n"
    )
    printed = [_stderr(tmp_path, program) for _ in range(2)]
    assert ["loaded" in text for text in printed] == [True, False]


def _stderr(folder: Path, program: str) -> str:
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_number_of_workers_is_that_of_the_environment_variable(monkeypatch):
    monkeypatch.setenv("RJCMA_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.setenv("RJCMA_WORKERS", "many")
    with pytest.raises(Problem, match="RJCMA_WORKERS"):
        worker_count()


def test_a_folders_digest_depends_on_its_names_and_contents(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "x").write_text("1")
    first = digest_folder(tmp_path / "m")
    (tmp_path / "m" / "x").rename(tmp_path / "m" / "y")
    second = digest_folder(tmp_path / "m")
    (tmp_path / "m" / "y").write_text("2")
    assert len({first, second, digest_folder(tmp_path / "m")}) == 3


SLOW = """
import sys, time
from pathlib import Path
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.work import Job, Work, run

def is_kept(name, setting, folder):
    ledger = Ledger(folder)
    entry = ledger.entries.get(name)
    return entry and ledger.recipes[entry.recipe].settings["setting"] == setting

def slow(setting, stops, reached, number, out):
    if number == 4 and stops:
        while not is_kept("3.txt", setting, out.parent):
            time.sleep(0.01)
        Path(reached).touch()
        time.sleep(600)
    out.write_text(f"{number} {setting}")

if __name__ == "__main__":
    folder, reached, setting, *stops = sys.argv[1:]
    jobs = [Job(str(n), (n,), {"number": str(n)}) for n in range(6)]
    common = (setting, bool(stops), reached)
    settings = {"setting": setting}
    run(Work(slow, jobs, Path(folder), ".txt", common=common, settings=settings, workers="one"))
"""
"""A program that makes six files. With `stops` it touches `reached` and hangs in the fifth."""


def run_and_kill(script, folder, reached, setting="1"):
    """Run the script until it is making its fifth clip, and kill it there."""
    process = subprocess.Popen([sys.executable, script, folder, reached, setting, "stop"])
    while process.poll() is None and not reached.exists():
        time.sleep(0.02)
    process.kill()
    process.wait()


def test_a_run_that_is_killed_keeps_every_finished_clip(tmp_path, folder):
    script, reached = tmp_path / "slow.py", tmp_path / "reached"
    script.write_text(SLOW)
    run_and_kill(script, folder, reached)
    kept = {"0.txt", "1.txt", "2.txt", "3.txt"}
    assert {name for name in contents(folder) if not name.startswith(".")} == kept
    assert set(Ledger(folder).entries) == kept
    assert len(json.loads((folder / ".keys").read_text())["files"]) == 3  # the latest is beside it
    done = subprocess.run([sys.executable, script, folder, reached, "1"], capture_output=True)
    assert b"6 in all, 4 kept, 2 to make (2 new)" in done.stderr
    assert set(contents(folder)) == {".keys", *(f"{n}.txt" for n in range(6))}


CORES = """
import os
THREADS = os.environ.get("OMP_NUM_THREADS")  # as a numeric library reads it when it is imported

import sys
from pathlib import Path
from rjcma.jobs.work import Job, Work, run

def threads(out):
    out.write_text(str(THREADS))

if __name__ == "__main__":
    run(Work(threads, [Job("a", (), {})], Path(sys.argv[1]), ".txt"))
    assert os.environ["OMP_NUM_THREADS"] == "7"
"""


def test_a_worker_has_one_core_before_its_stage_is_imported(tmp_path, folder):
    script = tmp_path / "cores.py"
    script.write_text(CORES)
    environment = {**os.environ, "OMP_NUM_THREADS": "7"}
    subprocess.run([sys.executable, script, folder], check=True, env=environment)
    assert (folder / "a.txt").read_text() == "1"


def test_a_full_disk_is_one_line_and_loses_nothing_that_was_finished(tmp_path, folder):
    with pytest.raises(Problems) as caught:
        made(tmp_path, folder, {"x": "full", **TEXTS, "y": "full"})
    (line,) = str(caught.value).splitlines()
    assert "no space left on device" in line and "free space" in line and str(folder) in line
    assert made(tmp_path, folder, {"x": "fox", **TEXTS, "y": "yak"}) == ["fox", "yak"]


def test_a_ledger_that_could_not_be_written_meanwhile_is_written_at_the_end(
    tmp_path, folder, monkeypatch
):
    write, calls = Ledger.write, []

    def full(ledger):
        calls.append(len(ledger.entries))
        if len(calls) <= 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(ledger)

    monkeypatch.setattr(Ledger, "write", full)
    assert made(tmp_path, folder, TEXTS, "one") == ["ant", "bee", "cat"]
    assert calls == [1, 2, 3, 3]
    assert made(tmp_path, folder, TEXTS) == []

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from rjcma.clipwise import Job, digest_folder, digest_text, run, worker_count

from rjcma.problem import Problem, Problems


def upper(text: str, log: Path, out: Path) -> None:
    """Writes the text in capitals, and a mark that it was called."""
    with open(log, "a") as file:
        file.write(text + "\n")
    if text == "bad":
        out.write_text("half of it")
        raise Problem(clip=text, file="in.txt", found="bad", expected="good", cure="mend it")
    if text == "bug":
        raise ZeroDivisionError("oops")
    if text == "killed":
        os._exit(9)
    out.write_text(text.upper())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def made(tmp_path, folder, texts, workers="threads", version=1, settings=(), executor=None):
    """Run over `texts`; -> what the function was called for, in any order."""
    log = tmp_path / "log"
    log.write_text("")
    jobs = [Job(name, (text, log), (digest_text(text),)) for name, text in texts.items()]
    try:
        run(
            upper,
            jobs,
            folder,
            ".txt",
            version=version,
            settings=settings,
            workers=workers,
            executor=executor,
        )
    finally:
        called = sorted(log.read_text().split())
    return called


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


TEXTS = {"a": "ant", "b": "bee", "c": "cat"}


@pytest.mark.parametrize("workers", ["processes", "threads", "one"])
def test_every_clip_is_made_once_by_any_kind_of_worker(tmp_path, folder, workers):
    assert made(tmp_path, folder, TEXTS, workers) == ["ant", "bee", "cat"]
    assert made(tmp_path, folder, TEXTS, workers) == []
    assert (folder / "b.txt").read_text() == "BEE"


def test_any_executor_may_be_handed_in(tmp_path, folder):
    with ThreadPoolExecutor(1) as executor:
        assert made(tmp_path, folder, TEXTS, executor=executor) == ["ant", "bee", "cat"]


def test_only_what_changed_is_made_anew(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    assert made(tmp_path, folder, TEXTS | {"b": "bug-free bee"}) == ["bee", "bug-free"]
    assert (folder / "b.txt").read_text() == "BUG-FREE BEE"


def test_another_version_or_setting_makes_everything_anew(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    assert made(tmp_path, folder, TEXTS, version=2) == ["ant", "bee", "cat"]
    assert made(tmp_path, folder, TEXTS, version=2, settings=["x"]) == ["ant", "bee", "cat"]


def test_an_output_whose_clip_is_gone_is_removed(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    made(tmp_path, folder, {"a": "ant"})
    assert sorted(contents(folder)) == [".keys", "a.txt"]


def test_an_output_that_was_edited_or_cut_is_made_anew(tmp_path, folder):
    made(tmp_path, folder, TEXTS)
    (folder / "a.txt").write_text("A")
    (folder / "b.txt").unlink()
    assert made(tmp_path, folder, TEXTS) == ["ant", "bee"]


def test_a_changed_folder_ends_as_a_run_from_nothing_would_leave_it(tmp_path, folder):
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
    assert sorted(contents(folder)) == [".keys", "a.txt", "b.txt", "c.txt"]
    assert made(tmp_path, folder, TEXTS) == []


def test_a_worker_that_is_killed_is_a_problem_and_finished_clips_stay(tmp_path, folder):
    made(tmp_path, folder, TEXTS, "processes")
    with pytest.raises(Problems, match="RJCMA_WORKERS=1"):
        made(tmp_path, folder, TEXTS | {"k": "killed"}, "processes")
    assert made(tmp_path, folder, TEXTS, "processes") == []


def test_what_a_killed_run_left_half_written_is_cleared(tmp_path, folder):
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


@pytest.mark.parametrize("spoilt", ["not JSON", "[]", '{"a.txt": 7}', '{"a.txt": []}', ""])
def test_a_spoilt_ledger_makes_everything_anew(tmp_path, folder, spoilt):
    made(tmp_path, folder, TEXTS)
    (folder / ".keys").write_text(spoilt)
    assert made(tmp_path, folder, TEXTS) == ["ant", "bee", "cat"]


def test_no_clips_leave_an_empty_folder(tmp_path, folder):
    assert made(tmp_path, folder, {}) == []
    assert [path.name for path in folder.iterdir()] == [".keys"]


def test_a_partial_has_the_name_of_its_function_in_the_key(tmp_path, folder):
    log = tmp_path / "log"
    jobs = [Job("a", ("ant",), ("digest",))]
    run(partial(_keyword, log=log), jobs, folder, ".txt", version=1, workers="one")
    run(partial(_keyword, log=log), jobs, folder, ".txt", version=1, workers="one")
    assert log.read_text() == "ant\n"


def _keyword(text: str, out: Path, *, log: Path) -> None:
    upper(text, log, out)


def test_workers_are_as_many_as_asked_for(monkeypatch):
    monkeypatch.setenv("RJCMA_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.setenv("RJCMA_WORKERS", "many")
    with pytest.raises(Problem, match="RJCMA_WORKERS"):
        worker_count()


def test_a_folders_digest_follows_its_names_and_contents(tmp_path):
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
from rjcma.clipwise import Job, run

def slow(number, out):
    if number == 3:
        Path(sys.argv[2]).touch()
        time.sleep(600)
    out.write_text(str(number))

if __name__ == "__main__":
    jobs = [Job(str(n), (n,), (str(n),)) for n in range(5)]
    run(slow, jobs, Path(sys.argv[1]), ".txt", version=1, workers="one")
"""


def ledger(folder):
    return json.loads((folder / ".keys").read_text()) if (folder / ".keys").exists() else {}


def test_a_run_that_is_killed_keeps_every_finished_clip(tmp_path, folder):
    script, reached = tmp_path / "slow.py", tmp_path / "reached"
    script.write_text(SLOW)
    process = subprocess.Popen([sys.executable, script, folder, reached])
    while process.poll() is None and not (reached.exists() and len(ledger(folder)) == 3):
        time.sleep(0.02)
    process.kill()
    process.wait()
    kept = {"0.txt", "1.txt", "2.txt"}
    assert set(contents(folder)) - {".keys"} == kept
    assert set(ledger(folder)) == kept


CORES = """
import os
THREADS = os.environ.get("OMP_NUM_THREADS")  # as a numeric library reads it when it is imported

import sys
from pathlib import Path
from rjcma.clipwise import Job, run

def threads(out):
    out.write_text(str(THREADS))

if __name__ == "__main__":
    run(threads, [Job("a", (), ())], Path(sys.argv[1]), ".txt", version=1)
    assert os.environ["OMP_NUM_THREADS"] == "7"
"""


def test_a_worker_has_one_core_before_its_stage_is_imported(tmp_path, folder):
    script = tmp_path / "cores.py"
    script.write_text(CORES)
    environment = {**os.environ, "OMP_NUM_THREADS": "7"}
    subprocess.run([sys.executable, script, folder], check=True, env=environment)
    assert (folder / "a.txt").read_text() == "1"

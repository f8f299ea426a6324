"""Two processes do not write the same folder at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from rjcma.jobs import adoption
from rjcma.jobs.lock import locked
from rjcma.jobs.work import Job, Work
from rjcma.problem import Problem

HOLD = """
import sys
from pathlib import Path
from rjcma.jobs.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """Another process that holds the lock of a folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def write(path: Path) -> None:
    path.write_text("written")


def test_work_in_a_folder_that_another_process_writes_is_refused(held, tmp_path):
    work = Work(write, [Job("a", (), {})], tmp_path / "out", ".txt", workers="here")
    with pytest.raises(Problem, match="another process that writes to it"):
        adoption.run(work)
    assert list((tmp_path / "out").iterdir()) == []
    held.kill()
    held.wait()
    adoption.run(work)
    assert (tmp_path / "out/a.txt").read_text() == "written"


def test_a_lock_leaves_no_file_and_ends_with_an_error_too(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a"):
        raise ZeroDivisionError
    with locked(tmp_path / "a"), locked(tmp_path / "b"):
        assert list((tmp_path / "a").iterdir()) == []

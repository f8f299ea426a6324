"""DVC's lock file mended where a kill has torn it: `.dvc/tmp/rwlock`.

DVC writes it in place. One that was killed amid that leaves half a file, or an empty one, and every
later `dvc repro` fails with "JSON structure is corrupted". The file only says what running DVC
processes read and write: where none runs, it says nothing, and may go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil

from rjcma.problem import Problem

RWLOCK = Path(".dvc/tmp/rwlock")

Running = tuple[int, str]
"""A process: its number, and what it was started as."""


def mend(root: Path) -> str:
    """Remove a torn lock file of the repository at `root`. -> what was done, nothing if nothing.

    Raises `Problem` where it is torn and DVC, or a stage that it started, is still at work there.
    """
    path = root / RWLOCK
    if not path.is_file() or _is_whole(path):
        return ""
    if others := list(running(root)):
        pid, command = others[0]
        raise Problem(
            file=path,
            found=f"a lock file that a kill has torn, and process {pid} at work here ({command})",
            expected="no DVC at work while its lock file is mended",
            cure="wait until it has ended, or end it, and try again",
        )
    path.unlink()
    return f"{path}: torn by a kill, removed"


def running(root: Path) -> Iterator[Running]:
    """The other processes that work in the repository: DVC's, and stages'."""
    own = {process.pid for process in [psutil.Process(), *psutil.Process().parents()]}
    for process in psutil.process_iter():
        if process.pid not in own:
            try:
                words, where = process.cmdline(), Path(process.cwd())
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue  # another user's, or one that has ended
            if _works(words) and where.is_relative_to(root.resolve()):
                yield process.pid, " ".join(words)[:200]


def _is_whole(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except ValueError:
        return False


def _works(words: list[str]) -> bool:
    """Whether a command line is DVC's or a stage's."""
    names = [Path(word).name for word in words[:3]]
    return "dvc" in names or any(word.startswith("stages.") for word in words)

"""Remove DVC's lock file, `.dvc/tmp/rwlock`, if it is damaged.

DVC writes it in place. If DVC is killed while writing, half a file or an empty one is left, and
every later `dvc repro` fails with "JSON structure is corrupted". The file only lists what running
DVC processes read and write: while none runs, it may be removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil

from rjcma.problem import Problem

RWLOCK = Path(".dvc/tmp/rwlock")

Running = tuple[int, str]
"""A process: its id and its command line."""


def mend(root: Path) -> str:
    """Remove the lock file of the repository at `root` if it is damaged.

    -> a message, empty if nothing was done. Raises `Problem` if the file is damaged and DVC, or a
    stage that DVC started, still runs there.
    """
    path = root / RWLOCK
    if not path.is_file() or _is_whole(path):
        return ""
    if active := list(running(root)):
        pid, command = active[0]
        raise Problem(
            file=path,
            found=f"a damaged lock file, and process {pid} still running here ({command})",
            expected="no running DVC while its lock file is removed",
            cure="wait until that process ends, or stop it, then try again",
        )
    path.unlink()
    return f"{path}: damaged lock file removed"


def running(root: Path) -> Iterator[Running]:
    """Other processes that run in the repository: DVC's and the stages'."""
    own = {process.pid for process in [psutil.Process(), *psutil.Process().parents()]}
    for process in psutil.process_iter():
        if process.pid not in own:
            try:
                command, folder = process.cmdline(), Path(process.cwd())
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue  # another user's process, or one that has ended
            if _is_dvc_or_stage(command) and folder.is_relative_to(root.resolve()):
                yield process.pid, " ".join(command)[:200]


def _is_whole(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except ValueError:
        return False


def _is_dvc_or_stage(command: list[str]) -> bool:
    names = [Path(word).name for word in command[:3]]
    return "dvc" in names or any(word.startswith("stages.") for word in command)

"""Mend files of DVC that a kill has damaged: its lock on files in use, and its record of stages.

DVC writes both in place. If it is killed while writing, half a file or an empty one is left, and
every later `dvc repro` fails. `.dvc/tmp/rwlock` ("JSON structure is corrupted") only lists what
running DVC processes read and write: while none runs, it may be removed. `dvc.lock` ("validation
failed") lists the stages that have run, with the digests of their files. Without it every stage
runs again, but keeps all files whose keys are unchanged; so the one of the last commit may take its
place, or none.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.strictyaml import YAMLValidationError, validate
from ruamel.yaml import YAML, YAMLError

from rjcma.jobs.files import replace
from rjcma.problem import Problem

RWLOCK = Path(".dvc/tmp/rwlock")
RECORDS = (Path("dvc.lock"), Path("ablation/dvc.lock"))
CONFLICT = b"<<<<<<< "
"""What git writes into a file that two members have changed: nothing that may be thrown away."""

Running = tuple[int, str]
"""A process: its id and its command line."""


def mend(root: Path) -> list[str]:
    """Mend the damaged files of DVC in the repository at `root`. -> a message for each.

    Raises `Problem` if a file is damaged and DVC, or a stage that DVC started, still runs there.
    """
    damaged = [path for path in (root / RWLOCK, *map(root.joinpath, RECORDS)) if _is_damaged(path)]
    if damaged and (active := list(running(root))):
        pid, command = active[0]
        raise Problem(
            file=damaged[0],
            found=f"a damaged file, and process {pid} still running here ({command})",
            expected="no running DVC while its files are mended",
            cure="wait until that process ends, or stop it, then try again",
        )
    return [_mended(root, path) for path in damaged]


def _mended(root: Path, path: Path) -> str:
    name = path.relative_to(root)
    committed = b"" if name == RWLOCK else _committed(root, name)
    if not committed:
        path.unlink()
        return f"{path}: damaged file removed"
    replace(path, committed)
    return f"{path}: damaged file replaced by that of the last commit"


def _committed(root: Path, name: Path) -> bytes:
    """A record as git has it; empty if git has none, or a damaged one."""
    command = ["git", "show", f"HEAD:./{name.as_posix()}"]
    shown = subprocess.run(command, cwd=root, capture_output=True)
    return shown.stdout if shown.returncode == 0 and _is_record(shown.stdout) else b""


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


def _is_damaged(path: Path) -> bool:
    if not path.is_file():
        return False
    content = path.read_bytes()
    return not (_is_lock(content) if path.name == RWLOCK.name else _is_record(content))


def _is_lock(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


def _is_record(content: bytes) -> bool:
    try:
        validate(YAML(typ="safe").load(content), COMPILED_LOCKFILE_SCHEMA)
    except (YAMLError, YAMLValidationError, ValueError):
        return CONFLICT in content
    return True


def _is_dvc_or_stage(command: list[str]) -> bool:
    names = [Path(word).name for word in command[:3]]
    return "dvc" in names or any(word.startswith("stages.") for word in command)

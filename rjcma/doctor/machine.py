"""The interpreter, the programs, and the packages against the lock: by Python's own library."""

from __future__ import annotations

import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import rjcma
from rjcma.doctor.line import Line

LEAST = (3, 11)
"""The oldest Python."""

PROGRAMS = ("git", "make")
LOCK = "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)")
NAMED = 4
"""Packages that a line names, at most (ours)."""
SETUP = "run `make setup`"


def lines(folder: Path) -> list[Line]:
    """The lines on this machine, for the project in `folder`."""
    return [_folder(folder), _python(), _programs(), _packages(folder)]


def _folder(folder: Path) -> Line:
    code = Path(str(rjcma.__file__)).resolve().parents[1]
    if not (folder / "dvc.yaml").is_file():
        return Line("project", f"no dvc.yaml in {folder}", "go to the folder that holds dvc.yaml")
    if (folder / "rjcma").is_dir() and folder.resolve() != code:
        found = f"another folder's code: {code}"
        return Line("project", found, f"{SETUP} here, and use the .venv of this folder")
    return Line("project", str(folder))


def _python() -> Line:
    version = ".".join(map(str, sys.version_info[:3]))
    where = f"{version} ({sys.executable})"
    if sys.version_info[:2] < LEAST:
        needed = ".".join(map(str, LEAST))
        return Line("python", where, f"install Python {needed} or later; make PYTHON=python3.12")
    if sys.prefix == sys.base_prefix:
        return Line("python", f"{where}, no virtual environment")
    return Line("python", where)


def _programs() -> Line:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return Line("programs", f"no {', no '.join(missing)}", f"install {' and '.join(missing)}")
    return Line("programs", ", ".join(PROGRAMS))


def _packages(folder: Path) -> Line:
    path = folder / LOCK if (folder / LOCK).is_file() else Path(__file__).parents[2] / LOCK
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return Line("packages", f"no {LOCK} that can be read", "restore it: git checkout " + LOCK)
    pinned = {m[1]: m[2] for m in map(PINNED.match, text.splitlines()) if m}
    wrong = [found for name, wanted in pinned.items() if (found := _differs(name, wanted))]
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        return Line("packages", f"{'; '.join(wrong[:NAMED])}{more}", SETUP)
    return Line("packages", f"all {len(pinned)} as in {LOCK}")


def _differs(name: str, wanted: str) -> str:
    """How a package differs from the lock; empty if it does not. Its build does not count."""
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"no {name}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{name}, whose metadata cannot be read ({type(error).__name__})"
    if not isinstance(found, str):  # metadata that was damaged
        return f"{name} without a version"
    same = found.partition("+")[0] == wanted.partition("+")[0]
    return "" if same else f"{name} {found}, not {wanted}"

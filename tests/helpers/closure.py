"""The project's own imports, read from the source: what a module imports, also indirectly."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from places import ROOT

NAMED = re.compile(r"^(rjcma(?:\.\w+)+)(?::\w+)?$")
"""A module, or a name in it, that is given as a string and loaded when needed."""

CHECKING = {"rjcma/command.py", "rjcma/jobs", "rjcma/params.py", "rjcma/problem.py"}
"""Rooms that move, check and report work, and shape no result."""


def module_file(module: str) -> Path | None:
    """The file of one of the project's modules, relative to the root; None for anything else."""
    path = Path(*module.split(".")).with_suffix(".py")
    return path if (ROOT / path).is_file() else None


@cache
def imports(path: Path) -> frozenset[Path]:
    """The project's files that one of its files imports, at any place in it."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {module_file(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {module_file(node.module)}
            found |= {module_file(f"{node.module}.{alias.name}") for alias in node.names}
    return frozenset(file for file in found if file is not None)


@cache
def named(path: Path) -> frozenset[Path]:
    """The project's files that a file names in strings and loads when needed."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and (match := NAMED.match(text)):
            found.add(module_file(match[1]))
    return frozenset(file for file in found if file is not None)


@cache
def closure(path: Path) -> frozenset[Path]:
    """A file and all that it imports, or names to load later, also indirectly."""
    reached, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting += imports(file)
            if room(file) not in CHECKING:  # the exclusions of keys are named there
                waiting += named(file)
    return frozenset(reached)


def room(path: Path) -> str:
    """The room of a file: its folder below rjcma/, or the file itself if it is there."""
    return Path(*path.parts[:2]).as_posix()


def rooms_used(path: Path) -> set[str]:
    """The rooms of rjcma/ that shape the result of a stage's program."""
    files = [file for file in closure(path) if file.parts[0] == "rjcma"]
    return {room(file) for file in files if file.name != "__init__.py"} - CHECKING

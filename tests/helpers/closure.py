"""The project's own imports, read from the source: what a module needs, directly and in the end."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import places

ROOT = places.ROOT


def module_file(module: str) -> Path | None:
    """The file of one of the project's modules, relative to the root; None for anything else."""
    path = Path(*module.split(".")).with_suffix(".py")
    return path if (ROOT / path).is_file() else None


@cache
def imports(path: Path) -> frozenset[Path]:
    """The project's files that a file of it imports, wherever in it the import stands."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {module_file(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {module_file(node.module)}
            found |= {module_file(f"{node.module}.{alias.name}") for alias in node.names}
    return frozenset(file for file in found if file is not None)


@cache
def closure(path: Path) -> frozenset[Path]:
    """A file and all that it imports, in the end."""
    reached, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting += imports(file)
    return frozenset(reached)


def sections_loaded(path: Path) -> set[str]:
    """The sections that a stage loads: the literal second argument of each call of `load`."""
    return {
        call.args[1].value
        for call in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "load"
        and isinstance(call.args[1], ast.Constant)
    }

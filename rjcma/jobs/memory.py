"""What was found out before, by key, in a file: so that looking again is cheap.

Deleting the file costs time only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rjcma.jobs.files import replace
from rjcma.problem import Problem

STALE_SHARE = 4
"""A file with more lines than so many times its keys is written anew (ours)."""


class Memory:
    """Values by key in a file of JSON lines, to which each new value is added at once.

    A line that was torn when a run was killed is passed over: its value is found out again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        entries = list(_entries(path))
        self.values: dict[str, Any] = dict(entries)
        if len(entries) > STALE_SHARE * len(self.values):
            replace(path, "".join(_line(*item) for item in self.values.items()).encode())

    @contextmanager
    def adding(self) -> Iterator[Adder]:
        """A place to add values to; the file is open, if a value comes, until all are added."""
        adder = Adder(self)
        try:
            yield adder
        finally:
            adder.close()


class Adder:
    """Adds values to a memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.file: TextIO | None = None

    def add(self, key: str, value: Any) -> None:
        """Keep a value, on disk too. Raises `Problem` where the file cannot be written."""
        if self.file is None:
            self.file = self._opened()
        self.memory.values[key] = value
        self.file.write("\n" + _line(key, value))  # a torn line before it stays alone
        self.file.flush()

    def close(self) -> None:
        """Nothing follows."""
        if self.file is not None:
            self.file.close()

    def _opened(self) -> TextIO:
        path = self.memory.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("a", encoding="utf-8")
        except (FileExistsError, IsADirectoryError, PermissionError) as error:
            raise Problem(
                file=path,
                found=str(error.strerror),
                expected="a file that can be written",
                cure="remove what stands there, or see to its permissions",
            ) from None


def _line(key: str, value: Any) -> str:
    return json.dumps([key, value]) + "\n"


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                key, value = json.loads(line)
            except (ValueError, TypeError):
                continue
            if isinstance(key, str):
                yield key, value

"""Results by key, remembered in a file so that they need not be computed again.

Deleting the file costs only time.
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
"""A file with more lines than this many times its keys is written again (ours)."""


class Memory:
    """Values by key in a file of JSON lines; each new value is appended at once.

    A line that is incomplete because a run was killed is ignored: its value is computed again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        entries = list(_entries(path))
        self.values: dict[str, Any] = dict(entries)
        if len(entries) > STALE_SHARE * len(self.values):
            replace(path, "".join(_line(*item) for item in self.values.items()).encode())

    @contextmanager
    def adding(self) -> Iterator[Adder]:
        """An `Adder`, which opens the file at the first value and closes it at the end."""
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
        """Add a value, also on disk. Raises `Problem` if the file cannot be written."""
        if self.file is None:
            self.file = self._opened()
        self.memory.values[key] = value
        self.file.write("\n" + _line(key, value))  # an incomplete line before it stays separate
        self.file.flush()

    def close(self) -> None:
        """Close the file."""
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
                cure="remove that file or folder, or correct its permissions",
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

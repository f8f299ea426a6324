"""What reading a corpus told, kept by its files' paths, sizes and times, so that looking again is
cheap. Deleting the cache costs time only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rjcma.problem import Problem


class Cache:
    """Values by key in a file of JSON lines, to which each new value is added at once.

    A line that was torn when a run was killed is passed over: its value is made again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = dict(_entries(path))

    @contextmanager
    def adding(self) -> Iterator[_Adder]:
        """A place to add values to, while the file is open."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                yield _Adder(self.values, file)
        except (FileExistsError, IsADirectoryError, PermissionError) as error:
            raise Problem(
                file=self.path,
                found=str(error.strerror),
                expected="a file that can be written",
                cure="name another file with --cache, or remove what stands there",
            ) from None


class _Adder:
    def __init__(self, values: dict[str, Any], file: TextIO) -> None:
        self.values, self.file = values, file

    def add(self, key: str, value: Any) -> None:
        """Keep a value, on disk too."""
        self.values[key] = value
        self.file.write(
            "\n" + json.dumps([key, value]) + "\n"
        )  # A torn line before it stays alone.
        self.file.flush()


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

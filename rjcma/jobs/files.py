"""Files written as a whole or not at all, and files of JSON read with a cure for what is wrong.

A file that is being written has another name until it is whole. One that stands is never opened for
writing: it may be a link into DVC's cache.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rjcma.problem import Problem

PARTIAL = ".partial"
"""The ending of what is being written; it is hidden, too, by a dot at the beginning."""


def partial_of(path: Path) -> Path:
    """The name that a file, or a folder, has while it is being written."""
    return path.with_name("." + path.name + PARTIAL)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write a file to, which takes the place of `path` at the end, if there is no error.

    Folders above it are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_of(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def replace(path: Path, content: bytes) -> None:
    """Give a file this content, unless it has it already: then it is not touched."""
    if path.is_file() and path.read_bytes() == content:
        return
    with replacing(path) as partial:
        partial.write_bytes(content)


def copy(source: Path, path: Path) -> None:
    """Put a copy of a file in the place of another."""
    with replacing(path) as partial:
        shutil.copyfile(source, partial)


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV, cells quoted where they must be.

    >>> csv_text([["row", "ccc"], ["JCA, audio", 0.5]])
    'row,ccc\\n"JCA, audio",0.5\\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def read_json(path: Path, *, expected: str, cure: str, clip: str = "") -> Any:
    """What a JSON file holds. Raises `Problem` for one that is missing or is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        found = "no such file"
    except UnicodeDecodeError:
        found = "bytes that are not text"
    except (json.JSONDecodeError, RecursionError) as error:
        found = f"no JSON: {error}"
    raise Problem(clip=clip, file=path, found=found, expected=expected, cure=cure)

"""Write files completely or not at all; read JSON files, with a cure if something is wrong.

A file has a temporary name until it is complete. An existing file is never opened for writing: it
may be a link into DVC's cache.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rjcma.problem import Problem

ABOUT = "about"
"""The key under which a file holds its provenance (`rjcma.jobs.provenance`)."""

PARTIAL = ".partial"
"""The suffix of a file that is being written; its name also begins with a dot, to hide it."""


_ROOM = ("room to write", "free space on that disk, then run again: what is finished is kept")
_PERMISSION = (
    "a file and a folder that may be read and written",
    "correct their permissions, then run again: what is finished is kept",
)
REFUSALS = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EROFS: _PERMISSION,
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
}
"""What is expected, and the cure, by the number of the system's error."""


def partial_of(path: Path) -> Path:
    """The temporary name of a file, or a folder, while it is being written."""
    return path.with_name("." + path.name + PARTIAL)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it is renamed to `path` at the end, unless there is an error.

    Missing parent folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_of(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def written(path: Path, expected: str) -> Iterator[Path]:
    """As `replacing`, for a path that the user has named; `expected` says for what it is.

    Raises `Problem` if it cannot be written, or if the disk is full; then nothing is left of it.
    """
    try:
        with replacing(path) as partial:
            yield partial
    except OSError as error:  # those of FFmpeg are such too
        refused = unwritable(error, path)
        raise Problem(
            file=path,
            found=refused.found if refused else f"{error.strerror or error}".lower(),
            expected=refused.expected if refused else expected,
            cure=refused.cure if refused else "name another file",
        ) from None


@contextmanager
def no_empty_folders(*folders: Path) -> Iterator[None]:
    """After a failure, none of these folders and those above them is left, if new and empty."""
    new = [each for path in folders for each in (path, *path.parents) if not each.exists()]
    try:
        yield
    except BaseException:
        for folder in sorted(new, key=lambda each: len(each.parts), reverse=True):
            with suppress(OSError):  # it holds something, or was not made
                folder.rmdir()
        raise


def replace(path: Path, content: bytes) -> None:
    """Write a file, unless it has this content already: then it is not touched."""
    if path.is_file() and path.read_bytes() == content:
        return
    with replacing(path) as partial:
        partial.write_bytes(content)


def is_readable(folder: Path) -> bool:
    """Whether a folder is there and its files may be read; False if even that cannot be told."""
    return os.access(folder, os.R_OK | os.X_OK) and folder.is_dir()


def copy(source: Path, path: Path) -> None:
    """Copy the file `source` to `path`, and replace what is there."""
    with replacing(path) as partial:
        shutil.copyfile(source, partial)


def unwritable(error: BaseException, path: Path) -> Problem | None:
    """The problem of a full disk, or of a file or folder that must not be written.

    `error` is what was raised while `path` was written; None if it says anything else. It may come
    from a library that only quotes the system's message, or gives none (`torch.save`).
    """
    cause: BaseException | None = error
    while cause is not None:
        for number, (expected, cure) in REFUSALS.items():
            message = os.strerror(number)
            if getattr(cause, "errno", None) == number or message in str(cause):
                names = ("filename2", "filename")  # of a copy, the first one is the file written
                file = next((name for n in names if (name := getattr(cause, n, None))), path)
                return Problem(file=file, found=message.lower(), expected=expected, cure=cure)
        cause = cause.__cause__ or cause.__context__
    if "iostream error" in str(error.__context__):
        expected, cure = REFUSALS[errno.ENOSPC]
        return Problem(file=path, found="a write that failed", expected=expected, cure=cure)
    return None


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV; cells are quoted if necessary.

    >>> csv_text([["row", "ccc"], ["JCA, audio", 0.5]])
    'row,ccc\\n"JCA, audio",0.5\\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def read_json(path: Path, *, expected: str, cure: str, clip: str = "") -> Any:
    """The content of a JSON file, without its provenance.

    Raises `Problem` if it is missing or not JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            content.pop(ABOUT, None)
        return content
    except (FileNotFoundError, NotADirectoryError):
        found = "no such file"
    except UnicodeDecodeError:
        found = "bytes that are not text"
    except (json.JSONDecodeError, RecursionError) as error:
        found = f"no JSON: {error}"
    raise Problem(clip=clip, file=path, found=found, expected=expected, cure=cure)

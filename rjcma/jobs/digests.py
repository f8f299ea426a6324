"""Digests of values, files and folders; a file's is remembered until its size or time changes.

Digests are BLAKE2b of 16 bytes, as 32 hexadecimal digits.
"""

from __future__ import annotations

import errno
import hashlib
import json
import stat
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rjcma.jobs.memory import Memory
from rjcma.jobs.workers import worker_count

SETTLED_SECONDS = 2.0
"""The digest of a file that changed more recently is not remembered: the file may change again with
the same time stamp (ours; file systems store times in steps of up to 2 s, on FAT)."""

SMALL = 2**18
"""Bytes of a file that is read at once, which takes half the time for a face crop (ours)."""

_memory: Memory | None = None


def remember_in(path: Path | None) -> None:
    """From now on remember files' digests in the file `path`, to save time; None: do not."""
    global _memory
    _memory = None if path is None else Memory(path)


def assume(digests: Mapping[Path, str]) -> None:
    """Take these for the digests of files that were never read here, so that they need not be.

    This holds in this process, and only while digests are remembered.
    """
    if _memory is not None:
        known = {stamp.rsplit(" ", 3)[0] for stamp in _memory.values}
        for path, digest in digests.items():
            if str(path.absolute()) not in known and path.is_file():
                _memory.values[_stamp(path)] = digest


def digest_text(text: str) -> str:
    """The digest of a text."""
    return _blake(text.encode()).hexdigest()


def digest_value(value: Any) -> str:
    """The digest of anything that JSON can hold; the order of keys does not matter."""
    return digest_text(json.dumps(value, sort_keys=True))


def digest_file(path: Path) -> str:
    """The digest of a file's content."""
    return digest_files([path])[0]


def digest_read(path: Path) -> str:
    """The digest of a file's content; always read, never remembered.

    Raises `OSError` for what is no file: opening a pipe would wait for a writer, without end.
    """
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "a folder, a pipe or a device, not a file", str(path))
    with open(path, "rb", buffering=0) as file:
        digest = hashlib.file_digest(file, _blake) if state.st_size > SMALL else _blake(file.read())
    return str(digest.hexdigest())


def digest_files(paths: Iterable[Path]) -> list[str]:
    """The digests of many files; those that must be read are read in parallel."""
    files = list(paths)
    if _memory is None:
        return _read_all(files)
    stamps = [_stamp(path) for path in files]
    known = [_memory.values.get(stamp) for stamp in stamps]
    unknown = [n for n, digest in enumerate(known) if not isinstance(digest, str)]
    settled = time.time() - SETTLED_SECONDS
    with _memory.adding() as adder:
        for n, digest in zip(unknown, _read_all([files[n] for n in unknown]), strict=True):
            known[n] = digest
            if files[n].stat().st_mtime < settled:
                adder.add(stamps[n], digest)
    return [str(digest) for digest in known]


def digest_folder(folder: Path) -> str:
    """The digest of the names and contents of a folder's files (a model, for example)."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return digest_value(list(zip(names, digest_files(paths), strict=True)))


def _stamp(path: Path) -> str:
    state = path.stat()
    return f"{path.absolute()} {state.st_ino} {state.st_size} {state.st_mtime_ns}"


def _read_all(paths: list[Path]) -> list[str]:
    if len(paths) < 2:
        return [digest_read(path) for path in paths]
    with ThreadPoolExecutor(worker_count()) as pool:
        return list(pool.map(digest_read, paths))


def _blake(data: bytes = b"", **_: Any) -> Any:
    return hashlib.blake2b(data, digest_size=16)

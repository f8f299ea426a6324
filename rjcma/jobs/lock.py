"""A lock on a folder of outputs, so that two processes do not write the same files at once."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rjcma.problem import Problem


@contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the folder's lock, alone or `shared` with processes that also share it, as shards do.

    It leaves no file, and ends with the process, however that ends.

    Raises `Problem` if another process holds it. Where the file system has no such locks (some
    network drives), there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno == errno.EWOULDBLOCK:
                raise Problem(
                    file=folder,
                    found="another process that writes to it",
                    expected="one process at a time",
                    cure="wait until that process ends, or stop it, then run again",
                ) from None
        yield
    finally:
        os.close(handle)

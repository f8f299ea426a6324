"""The content of a folder of face crops: its names and sizes, and the digest of its crops."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rjcma.crops import by_frame
from rjcma.jobs.digests import digest_read, digest_text, digest_value


@dataclass(frozen=True)
class Crops:
    """The content of a folder of crops."""

    folder: Path
    signature: str
    """The digest of names, sizes and times: it changes when a crop changes."""
    last: int
    """The highest frame number, counted from 1; 0 where there are no crops."""
    digest: str = ""
    """The digest of names and contents; empty until the crops are read."""


def survey(folder: Path) -> Crops:
    """Look into a folder without opening a crop. Raises `Problem` as `rjcma.crops.by_frame`."""
    crops = by_frame(folder)
    stamps = "\n".join(_stamp(folder, name) for name in sorted(crops.values()))
    return Crops(folder, digest_text(stamps), max(crops, default=-1) + 1)


def _stamp(folder: Path, name: str) -> str:
    state = os.stat(f"{folder}/{name}")  # noqa: PTH116  # a Path would double the time
    return f"{name} {state.st_size} {state.st_mtime_ns}"


def digest(folder: Path) -> str:
    """The digest of the names and contents of a folder's crops; every crop is read."""
    names = sorted(by_frame(folder).values())
    return digest_value([(name, digest_read(folder / name)) for name in names])

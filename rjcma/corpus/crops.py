"""The content of a folder of face crops: its names and sizes, and the digest of its crops."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rjcma.crops import by_frame
from rjcma.jobs.digests import digest_read, digest_value


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
    stats = {entry.name: entry.stat() for entry in crops.values()}
    stamps = [(name, stats[name].st_size, stats[name].st_mtime_ns) for name in sorted(stats)]
    return Crops(folder, digest_value(stamps), max(crops, default=-1) + 1)


def digest(folder: Path) -> str:
    """The digest of the names and contents of a folder's crops; every crop is read."""
    names = sorted(entry.name for entry in by_frame(folder).values())
    return digest_value([(name, digest_read(folder / name)) for name in names])

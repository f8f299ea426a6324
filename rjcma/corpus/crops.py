"""What a folder of face crops holds, told from names and sizes, and by content once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rjcma.crops import by_frame
from rjcma.jobs.digests import digest_read, digest_value


@dataclass(frozen=True)
class Crops:
    """What a folder of crops holds."""

    folder: Path
    signature: str
    """Of names, sizes and times of change: it stays while the crops do."""
    last: int
    """The highest frame number, counted from 1; 0 where there are no crops."""
    digest: str = ""
    """Of names and contents, once they have been read."""


def survey(folder: Path) -> Crops:
    """Look into a folder without opening a crop. Raises `Problem` as `rjcma.crops.by_frame`."""
    crops = by_frame(folder)
    stats = {entry.name: entry.stat() for entry in crops.values()}
    stamps = [(name, stats[name].st_size, stats[name].st_mtime_ns) for name in sorted(stats)]
    return Crops(folder, digest_value(stamps), max(crops, default=-1) + 1)


def digest(folder: Path) -> str:
    """The digest of a folder's crops, their names and contents; each is read."""
    names = sorted(entry.name for entry in by_frame(folder).values())
    return digest_value([(name, digest_read(folder / name)) for name in names])

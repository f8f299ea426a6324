"""What `rjcma models list` and `check` print."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rjcma.models import record
from rjcma.models.fetch import compared
from rjcma.models.record import found_here
from rjcma.models.registry import Entry
from rjcma.models.telling import amount


def listed(entries: Iterable[Entry], folder: Path) -> str:
    """The registry as text: a paragraph a model."""
    return "\n\n".join(_told(entry, folder) for entry in entries)


def _told(entry: Entry, folder: Path) -> str:
    here = (folder / entry.lands).exists()
    rows = [
        ("for", entry.purpose),
        ("from", entry.source),
        ("revision", entry.revision or ("not pinned" if entry.hub else "")),
        ("size", amount(entry.size) if entry.size else ""),
        ("sha256", _digest(entry)),
        ("licence", entry.licence or "not known here"),
        ("to get it", entry.ask or f"rjcma models fetch {entry.name}"),
        ("params", entry.params),
    ]
    lines = [f"{entry.name}  ({'in' if here else 'not in'} {folder})"]
    return "\n".join([*lines, *(f"  {name:<9} {value}" for name, value in rows if value)])


def _digest(entry: Entry) -> str:
    if entry.checksums:
        return ", ".join(f"{digest} ({name})" for name, digest in entry.checksums.items())
    begins = f"{entry.sha256_begins}… (only this is published)" if entry.sha256_begins else ""
    return entry.sha256 or begins or "not known here"


def check(entry: Entry, folder: Path) -> str:
    """A line on a model: whether it is here, and how sure it is that it is the right one.

    Every file is read. Raises `Problem` if it is another than it should be.
    """
    target = folder / entry.lands
    if not target.exists():
        return f"{entry.name}: not here"
    before = record.read(folder / record.NAME).get(entry.name)
    return f"{entry.name}: {target}, {compared(entry, target, found_here(target), before)}"

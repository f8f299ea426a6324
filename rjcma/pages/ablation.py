"""The ablation's report on the front page, read from its own files: tables, notes, picture."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rjcma.pages.figure import Table

TABLES, PICTURE = "tables.md", "rows.png"


class Part(NamedTuple):
    """What is below a heading: a table, or notes."""

    title: str
    table: Table | None
    notes: list[str]


class Ablation(NamedTuple):
    """The report of an ablation."""

    parts: list[Part]
    picture: bytes | None


def read(folder: Path | None) -> Ablation | None:
    """The report in this folder; None if there is none."""
    path = folder / TABLES if folder else None
    if folder is None or path is None or not path.is_file():
        return None
    picture = folder / PICTURE
    return Ablation(
        parts(path.read_text(encoding="utf-8")),
        picture.read_bytes() if picture.is_file() else None,
    )


def parts(text: str) -> list[Part]:
    """The parts of `tables.md`, which `rjcma.ablation.report` writes.

    >>> parts("## Sizes\\n\\n| Row | CCC |\\n| --- | --- |\\n| a | 0.5 |\\n\\n- A note.\\n")
    [Part(title='Sizes', table=Table(head=['Row', 'CCC'], rows=[['a', '0.5']]), notes=['A note.'])]
    """
    found = []
    for section in text.split("## ")[1:]:
        title, *lines = section.splitlines()
        rows = [_cells(line) for line in lines if line.startswith("|")]
        table = Table(rows[0], rows[2:]) if len(rows) > 2 else None
        found.append(Part(title, table, [line[2:] for line in lines if line.startswith("- ")]))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]

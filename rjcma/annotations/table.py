"""Texts of rows and columns: CSV, TSV and the like.

A file that is plain is read at once by NumPy; anything else cell by cell, which is slower, but
knows missing values, quotes, decimal commas, and the lines where something is wrong.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.annotations.settings import SECTION, Carma, Darma, Rowed, Text
from rjcma.annotations.sheet import (
    MISSING,
    Cells,
    Sheet,
    empty,
    is_number,
    not_text,
    text_of,
    unreadable,
)
from rjcma.problem import Problem

HEAD = 100
"""Lines in which the mark and the names are looked for (ours)."""
SNIFFED = 5
"""Rows by which the delimiter is found (ours)."""
DELIMITERS = ("\t", ";", ",", " ")
"""In the order in which they are tried."""
SPACES = " "
"""The delimiter that stands for any number of spaces."""


class Form(NamedTuple):
    """How a text is divided into rows and columns."""

    delimiter: str
    names: tuple[str, ...]
    begin: int
    """The number of lines before the first row."""
    first: tuple[str, ...]
    """The cells of the first row."""
    comment: str | None = None
    """What a line begins with that is no row."""


def read(path: Path, settings: Text) -> Sheet:
    """The rows of a text. Raises `Problem` if it is not such a text, or has no rows."""
    head = first_lines(path)
    form = _form(path, head, settings)
    return sheet(path, form, settings, _range(head, form, settings))


def sheet(
    path: Path, form: Form, settings: Rowed, scale: tuple[float, float] | None = None
) -> Sheet:
    """The rows of a text that is divided in this way."""
    numeric = [k for k, cell in enumerate(form.first) if is_number(cell)]
    numbers = {} if settings.decimal == "," else plain(path, form, numeric)
    known = {k for k, cell in enumerate(form.first) if _is_value(cell, settings)}
    return Sheet(
        path=path,
        names=form.names,
        width=len(form.names) or len(form.first),
        numbers=numbers,
        read=partial(cells, path, form),
        decimal=settings.decimal,
        missing=settings.missing,
        range=scale,
        textual=frozenset(range(len(form.first))) - known,
    )


def split(line: str, delimiter: str) -> list[str]:
    """The cells of a line, without spaces and quotes around them.

    >>> split("time;'FM 1 ';x", ";")
    ['time', 'FM 1', 'x']
    """
    cells = line.split() if delimiter == SPACES else next(csv.reader([line], delimiter=delimiter))
    return [_bare(cell) for cell in cells]


def _bare(cell: str) -> str:
    return cell.strip().strip("'\"").strip()


def _is_value(cell: str, settings: Rowed) -> bool:
    """Whether a cell is a number, perhaps with a decimal comma, or stands for none."""
    marks = {*MISSING, *(str(mark).lower() for mark in settings.missing)}
    return is_number(cell.replace(",", ".", 1)) or cell.lower() in marks


def first_lines(path: Path) -> list[str]:
    """The first lines. Raises `Problem` for what is not text."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = [line.rstrip("\n") for line in islice(file, HEAD)]
    except UnicodeDecodeError as error:
        raise not_text(path, f"{error.reason} at byte {error.start}") from None
    except OSError as error:
        raise unreadable(path, error) from None
    if any("\0" in line for line in lines):
        raise not_text(path, "a zero")
    return lines


def _form(path: Path, head: Sequence[str], settings: Text) -> Form:
    """How the text is divided. Raises `Problem` if it has no rows."""
    begin = 0
    names = ""
    if settings.skip_until is not None:
        marks = [k for k, line in enumerate(head) if _starts(line, settings.skip_until)]
        if not marks:
            raise Problem(
                file=path,
                found=f"no line that begins with {settings.skip_until!r} in the first {HEAD}",
                expected=f"the mark of {SECTION}.skip_until",
                cure=f"correct {SECTION}.skip_until or format, or the file",
            )
        begin = marks[0] + 1
        names = head[marks[0] - 1] if marks[0] else ""
    rows = [k for k in range(begin, len(head)) if head[k].strip()]
    if not rows:
        raise empty(path, "an empty file" if not any(map(str.strip, head)) else "no rows")
    delimiter = settings.delimiter or _delimiter([head[k] for k in rows[: SNIFFED + 1]], settings)
    cells = split(head[rows[0]], delimiter)
    second = split(head[rows[1]], delimiter) if len(rows) > 1 else []
    has_names = _are_names(cells, second, settings) if settings.header is None else settings.header
    return _with_names(path, head, rows, delimiter, names, has_names)


def _are_names(first: Sequence[str], second: Sequence[str], settings: Text) -> bool:
    """Whether the first row has names: it has none where the second row has a number."""
    return any(
        not _is_value(above, settings) and _is_value(below, settings)
        for above, below in zip_longest(first, second, fillvalue="")
    )


def _starts(line: str, mark: str) -> bool:
    return line.lstrip(" '\"").startswith(mark)


def _with_names(
    path: Path,
    head: Sequence[str],
    rows: Sequence[int],
    delimiter: str,
    above: str,
    has_names: bool,
) -> Form:
    if has_names:
        names, rows = split(head[rows[0]], delimiter), rows[1:]
    else:
        names = split(above, delimiter) if above else []
    if not rows:
        raise empty(path, "no rows after the header")
    first = split(head[rows[0]], delimiter)
    return Form(delimiter, tuple(names), rows[0], tuple(first))


def _delimiter(lines: Sequence[str], settings: Text) -> str:
    """The delimiter that all lines have equally often, between numbers rather than within them.

    If there is none, as in a file of one column, the first one that is in the first line.
    """
    allowed = [d for d in DELIMITERS if d != settings.decimal]
    regular = []
    for delimiter in allowed:
        counts = {len(split(line, delimiter)) for line in lines}
        if len(counts) == 1 and counts != {1}:
            regular.append(delimiter)
    for delimiter in regular:
        if all(_is_value(cell, settings) for cell in split(lines[-1], delimiter)):
            return delimiter
    return next((d for d in [*regular, *allowed[:-1]] if d in lines[0]), ";")


def plain(path: Path, form: Form, columns: Sequence[int]) -> dict[int, NDArray[np.float64]]:
    """Columns of numbers, read at once; none if anything in them is not a number."""
    if not columns:
        return {}
    try:
        values = np.loadtxt(
            path,
            delimiter=None if form.delimiter == SPACES else form.delimiter,
            comments=form.comment,
            skiprows=form.begin,
            usecols=columns,
            encoding="utf-8-sig",
            ndmin=2,
        )
    except (ValueError, OSError):
        return {}
    return dict(zip(columns, values.T))


def cells(path: Path, form: Form) -> Cells:
    """All cells. Raises `Problem` for a row that has not as many as there are columns."""
    lines = text_of(path).split("\n")
    width = len(form.names) or len(form.first)
    rows, numbers = [], []
    for number, line in enumerate(lines[form.begin :], form.begin + 1):
        if not line.strip() or (form.comment and line.startswith(form.comment)):
            continue
        row = split(line, form.delimiter)
        if len(row) > width and not any(row[width:]):
            row = row[:width]
        if len(row) != width:
            raise _ragged(path, form, number, line, len(row), width)
        rows.append(row)
        numbers.append(number)
    return Cells(rows, numbers)


def _ragged(path: Path, form: Form, number: int, line: str, cells: int, width: int) -> Problem:
    cure = "correct the line"
    if form.delimiter == "," and cells == 2 * width:
        cure = (
            "save the file with another delimiter, since the comma is also in the numbers, "
            f"and set {SECTION}.decimal: ','"
        )
    return Problem(
        file=path,
        found=f"{cells} columns ({line[:80]!r}) in line {number}",
        expected=f"{width}, as in the header or the first row",
        cure=f"{cure}, or set {SECTION}.delimiter, header or skip_until",
    )


def _range(head: Sequence[str], form: Form, settings: Text) -> tuple[float, float] | None:
    """The range that the head of a tool's file gives."""
    if not isinstance(settings, Carma | Darma):
        return None
    said = {}
    for line in head[: form.begin]:
        name, *values = split(line, form.delimiter) + [""]
        if is_number(values[0]):
            said[name.lower()] = float(values[0])
    if "magnitude" in said:
        return -said["magnitude"], said["magnitude"]
    if "minimum value" in said and "maximum value" in said:
        return said["minimum value"], said["maximum value"]
    return None

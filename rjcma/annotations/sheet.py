"""A sheet: the rows and columns of an annotation file, whatever its format.

Cells are kept as text, except for columns that are only numbers, which are read much faster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.annotations.settings import SECTION, Column
from rjcma.problem import Problem

Rows = NDArray[np.intp]
"""Positions of rows, from 0."""

MISSING = ("", "nan", "na", "n/a", "null", "none", "?")
"""Cells that stand for no value, in any capitals."""


class Cells(NamedTuple):
    """Rows of cells as text."""

    rows: Sequence[Sequence[str]]
    places: Sequence[int]
    """Where each row is: the number of its line, for example."""


@dataclass(frozen=True)
class Sheet:
    """The rows of a file."""

    path: Path
    names: tuple[str, ...]
    """The columns' names; empty if the file has none."""
    width: int
    """The number of columns."""
    numbers: Mapping[int, NDArray[np.float64]]
    """Columns that were read as numbers, by position."""
    read: Callable[[], Cells]
    """Reads all cells as text."""
    decimal: str = "."
    missing: tuple[float | str, ...] = ()
    range: tuple[float, float] | None = None
    """What the file itself says of the scale."""
    rate: float | None = None
    """Rows per second, if the file itself says so."""
    of: Literal["line", "row", "frame"] = "line"
    """What the places of rows are. Of frames, the first column has the numbers."""
    textual: frozenset[int] = frozenset()
    """Columns that are not numbers."""
    known_rows: dict[int, dict[str, Rows]] = field(default_factory=dict)
    """Rows that were looked up already, by column."""

    @cached_property
    def cells(self) -> Cells:
        """All cells as text."""
        return self.read()

    def named(self, column: int) -> str:
        """The name of a column by position."""
        return self.names[column] if self.names else f"column {column + 1}"

    def found(self, column: Column) -> list[int]:
        """The positions of the columns that are called so. Raises `Problem` if there is none."""
        if isinstance(column, int):
            positions = [column - 1] if 1 <= column <= self.width else []
        else:
            names = self.names
            positions = [k for k, name in enumerate(names) if name == column] or [
                k for k, name in enumerate(names) if fnmatchcase(name, column)
            ]
        if positions:
            return positions
        there = ", ".join(self.names) or f"{self.width} without names"
        raise Problem(
            file=self.path,
            found=f"no column {column!r}, but {there}"[:400],
            expected=f"the columns that {SECTION} names",
            cure=f"correct {SECTION}.columns, time.column or header, or the file",
        )

    def place(self, row: int) -> str:
        """Where in the file a row is: `line 7`, for example."""
        return f"{self.of} {self.cells.places[row]}"

    def __len__(self) -> int:
        """The number of rows."""
        return len(next(iter(self.numbers.values()))) if self.numbers else len(self.cells.rows)

    def rows(self, column: int) -> dict[str, Rows]:
        """The rows of each text in a column."""
        if column not in self.known_rows:
            found: dict[str, list[int]] = {}
            for row, cells in enumerate(self.cells.rows):
                found.setdefault(cells[column], []).append(row)
            self.known_rows[column] = {text: np.array(rows) for text, rows in found.items()}
        return self.known_rows[column]

    def values(self, column: int, rows: Rows | None = None) -> NDArray[np.float64]:
        """A column as numbers, NaN where there is none; of all rows, or of these.

        Raises `Problem` for anything else.
        """
        if column not in self.numbers:
            values = self._converted(column, rows)
        else:
            values = self.numbers[column] if rows is None else self.numbers[column][rows]
        marks = [float(mark) for mark in self.missing if isinstance(mark, float)]
        return np.where(np.isin(values, marks), np.nan, values) if marks else values

    def _converted(self, column: int, rows: Rows | None) -> NDArray[np.float64]:
        where = range(len(self.cells.rows)) if rows is None else rows.tolist()
        none = {*MISSING, *(str(mark).lower() for mark in self.missing)}
        cells = [self.cells.rows[row][column] for row in where]
        texts = ["nan" if cell.lower() in none else cell for cell in cells]
        if self.decimal == ",":
            texts = [text.replace(",", ".") for text in texts]
        try:
            return np.array(texts, np.float64)
        except ValueError:
            wrong = [(row, text) for row, text in zip(where, texts) if not is_number(text)]
            raise self._mistake(column, wrong) from None

    def _mistake(self, column: int, wrong: Sequence[tuple[int, str]]) -> Problem:
        row, text = wrong[0]
        more = f" (and {len(wrong) - 1} more are wrong)" if len(wrong) > 1 else ""
        found = f"{text[:80]!r} in {self.named(column)}, {self.place(row)}{more}"
        if is_number(text.replace(",", ".", 1)):
            expected = "a decimal point"
            cure = f"set {SECTION}.decimal: ',' since this file has decimal commas"
        else:
            expected = "a number"
            cure = f"correct the file, or name the mark in {SECTION}.missing"
        return Problem(file=self.path, found=found, expected=expected, cure=cure)


def is_number(text: str) -> bool:
    """Whether a cell is a number, NaN included.

    >>> is_number(" 0.5"), is_number("0,5"), is_number("")
    (True, False, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def text_of(path: Path) -> str:
    """The text of a file. Raises `Problem` if it cannot be read or is not text."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_text(path, f"{error.reason} at byte {error.start}") from None
    except OSError as error:
        raise unreadable(path, error) from None
    if "\0" in text:
        raise not_text(path, "a zero")
    return text


def unreadable(path: Path, error: OSError) -> Problem:
    """The problem of a file that is missing or cannot be read."""
    return Problem(
        file=path,
        found=str(error.strerror).lower(),
        expected="an annotation",
        cure=f"correct the list's column annotation or {SECTION}.files, or add the file",
    )


def not_text(path: Path, why: str) -> Problem:
    """The problem of a file that is not text."""
    return Problem(
        file=path,
        found=f"bytes that are not text ({why})",
        expected="text in UTF-8",
        cure=f"save the file as text in UTF-8, or correct {SECTION}.files",
    )


def empty(path: Path, what: str) -> Problem:
    """The problem of a file without rows."""
    return Problem(
        file=path,
        found=what,
        expected="rows of an annotation",
        cure="correct or replace the file",
    )

"""Annotation files: the header `valence,arousal`, then one row per frame, -5 where unlabelled."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from rjcma.corpus.labels import Labels
from rjcma.corpus.settings import EXCLUDE, VALENCE_AROUSAL
from rjcma.problem import Problem

COLUMNS = tuple(VALENCE_AROUSAL)
UNLABELLED = -5.0  # Aff-Wild2's value for a frame without a rating


class _Mistake(ValueError):
    """What is wrong with a line, and what was expected there."""

    def __init__(self, found: str, expected: str) -> None:
        self.found, self.expected = found, expected


def read(path: Path, clip: str) -> Labels:
    """The labels of a clip, (T, 2) float32; a frame is unlabelled if either value is -5.

    Windows line endings, a byte-order mark and blank lines at the end are accepted. Raises
    `Problem` with the number of the first wrong line and the count of the others.
    """
    lines = _lines(path, clip)
    header = tuple(name.strip() for name in lines[0].split(",")) if lines else ()
    if header != COLUMNS:
        found = f"the header {lines[0][:80]!r} in line 1" if lines else "an empty file"
        raise _problem(path, clip, found, f"the header {','.join(COLUMNS)}")
    if len(lines) == 1:
        raise _problem(path, clip, "no rows after the header", "one row per frame")
    labels = _plain(lines[1:])
    if labels is None:
        labels = _by_line(lines[1:], path, clip)
    labels[(labels == UNLABELLED).any(axis=1)] = np.nan
    return labels


def _plain(lines: list[str]) -> Labels | None:
    """The values of rows, read at once; None if a row is not two allowed numbers."""
    try:
        values = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
    except ValueError:
        return None
    allowed = (np.abs(values) <= 1) | (values == UNLABELLED)
    is_plain = values.shape == (len(lines), len(COLUMNS)) and allowed.all()
    return values.astype(np.float32) if is_plain else None


def _by_line(lines: list[str], path: Path, clip: str) -> Labels:
    """The values of rows, read one by one to say which are wrong."""
    rows: list[tuple[float, float]] = []
    mistakes: list[tuple[int, _Mistake]] = []
    for number, line in enumerate(lines, 2):
        try:
            rows.append(_row(line))
        except _Mistake as mistake:
            mistakes.append((number, mistake))
    if mistakes:
        number, first = mistakes[0]
        more = f" (and {len(mistakes) - 1} more lines are wrong)" if len(mistakes) > 1 else ""
        raise _problem(path, clip, f"{first.found} in line {number}{more}", first.expected)
    return np.array(rows, np.float32)


def _lines(path: Path, clip: str) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        found = f"bytes that are not text ({error.reason} at byte {error.start})"
        raise _problem(path, clip, found, "text in UTF-8") from None
    except OSError as error:
        raise _problem(path, clip, str(error.strerror), "a file that can be read") from None
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _row(line: str) -> tuple[float, float]:
    """A row's two values.

    >>> _row("0.25, -5")
    (0.25, -5.0)
    """
    cells = line.split(",")
    if len(cells) != len(COLUMNS):
        if not line.strip():
            raise _Mistake("a blank line", "a row for every frame")
        columns = f"{len(cells)} column" + ("s" if len(cells) > 1 else "")
        raise _Mistake(f"{columns} ({line[:80]!r})", "two: valence,arousal")
    valence, arousal = _value(cells[0]), _value(cells[1])
    return valence, arousal


def _value(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise _Mistake(f"{cell.strip()[:80]!r}", "a number") from None
    if not (-1 <= value <= 1 or value == UNLABELLED) or math.isnan(value):
        raise _Mistake(
            f"the value {cell.strip()[:80]}", "values in [-1, 1], or -5 where unlabelled"
        )
    return value


def _problem(path: Path, clip: str, found: str, expected: str) -> Problem:
    cure = f"correct the annotation, {EXCLUDE}"
    return Problem(clip=clip, file=path, found=found, expected=expected, cure=cure)

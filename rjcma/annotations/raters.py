"""The raters of a clip, whatever files, rows and columns they are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.annotations import arff, frames_json, nova, table
from rjcma.annotations.files import files
from rjcma.annotations.settings import (
    ALL,
    SECTION,
    Annotations,
    Arff,
    Column,
    FramesJson,
    Nova,
    Rowed,
)
from rjcma.annotations.sheet import Rows, Sheet
from rjcma.annotations.times import Rating, Stamps, stamps
from rjcma.problem import Problem

Array = NDArray[np.float64]

WHOLE = (-1.0, 1.0)
"""The range of labels, and of annotations that do not say another."""
KEPT = 4
"""Files kept in memory, since further clips may be in them (ours)."""


class Rater(NamedTuple):
    """What a rater said."""

    name: str
    stamps: Stamps
    """When, in increasing order."""
    values: Array
    """(N,) in [-1, 1], NaN where there is none."""
    range: tuple[float, float]
    """The values that became -1 and 1."""
    repeated: int
    """How many rows were at the time of another row, and became one with it."""

    @property
    def until(self) -> float:
        """The time of the last value; NaN if there is none."""
        rated = ~np.isnan(self.values[::-1])
        last = rated.size - 1 - int(np.argmax(rated)) if rated.any() else -1
        return np.nan if last < 0 else float(self.stamps.begins[last])


def raters(
    rating: Rating, settings: Annotations, target: str, sheets: dict[Path, Sheet]
) -> Iterator[Rater]:
    """All raters of a target: a file, some rows of it, or a column each.

    `sheets` are the files that were read for other targets of this clip. Raises `Problem` if a file
    is missing or cannot be used.
    """
    pattern = rating.annotation or settings.files
    video = rating.video or rating.clip
    rows_of = settings.rows if isinstance(settings, Rowed) else None
    is_own = "{target}" in pattern or bool(rows_of and rows_of.target is not None)
    for of_file, path in files(rating.root, pattern, clip=rating.clip, video=video, target=target):
        if path not in sheets:
            sheets[path] = _sheet(path, settings, is_shared="{clip}" not in pattern)
        sheet = sheets[path]
        columns = _columns(sheet, settings, target, is_own)
        for of_rows, rows in _rows(sheet, settings, rating.clip, video, target):
            when = stamps(sheet, rows, settings.time, rating)
            for column in columns:
                of_column = sheet.named(column) if len(columns) > 1 else ""
                name = "/".join(filter(None, [of_file, of_rows, of_column]))
                ends = _range(sheet, settings, target)
                values = _scaled(sheet, column, rows, ends)
                yield _ordered(name or sheet.named(column), when, values, ends)


_kept: dict[Path, tuple[int, int, Annotations, Sheet]] = {}


def _sheet(path: Path, settings: Annotations, is_shared: bool) -> Sheet:
    """The rows of a file, which stay in memory if it may be that of further clips."""
    if not is_shared:
        return _opened(path, settings)
    try:
        stat = path.stat()
    except OSError:
        return _opened(path, settings)  # which says what is wrong
    state = (stat.st_size, stat.st_mtime_ns, settings)
    if path not in _kept or _kept[path][:3] != state:
        _kept[path] = (*state, _opened(path, settings))
        while len(_kept) > KEPT:
            del _kept[next(iter(_kept))]
    return _kept[path][3]


def _opened(path: Path, settings: Annotations) -> Sheet:
    match settings:
        case Arff():
            return arff.read(path, settings)
        case FramesJson():
            return frames_json.read(path, settings)
        case Nova():
            return nova.read(path, settings)
        case _:
            return table.read(path, settings)


def _columns(sheet: Sheet, settings: Annotations, target: str, is_own: bool) -> list[int]:
    """The columns of a target. Raises `Problem` if there is none."""
    named = settings.columns or {}
    columns = named.get(target, named.get(ALL))
    if columns is not None:
        return list(dict.fromkeys(k for column in columns for k in sheet.found(column)))
    if not is_own or target in sheet.names:
        return sheet.found(target)
    used = set(sheet.textual)
    if settings.time.rate is None:
        used |= set(sheet.found(settings.time.column))
    if settings.time.end is not None:
        used |= set(sheet.found(settings.time.end))
    if isinstance(settings, Rowed):
        for column in (settings.rows.clip, settings.rows.rater, settings.rows.target):
            used |= set(sheet.found(column)) if column is not None else set()
    found = [k for k in range(sheet.width) if k not in used]
    return found or sheet.found(target)


def _rows(
    sheet: Sheet, settings: Annotations, clip: str, video: str, target: str
) -> Iterator[tuple[str, Rows | None]]:
    """The rows of each rater; all rows, if there is no column that says whose they are."""
    if not isinstance(settings, Rowed):
        yield "", None
        return
    mine: Rows | None = None
    of = settings.rows
    if of.clip is not None:
        mine = _called(sheet, of.clip, (clip, video))
    if of.target is not None:
        these = _called(sheet, of.target, (target,))
        mine = these if mine is None else np.intersect1d(mine, these, assume_unique=True)
    if of.rater is None:
        yield "", mine
        return
    for rater, these in sheet.rows(sheet.found(of.rater)[0]).items():
        both = these if mine is None else np.intersect1d(mine, these, assume_unique=True)
        if both.size:
            yield rater, both


def _called(sheet: Sheet, column: Column, names: Sequence[str]) -> Rows:
    """The rows with one of these names in a column, or with it as a file's name."""
    rows = sheet.rows(sheet.found(column)[0])
    for name in names:
        if name in rows:
            return rows[name]
    stems: dict[str, list[str]] = {}
    for text in rows:
        stems.setdefault(PurePosixPath(text).stem, []).append(text)
    for name in names:
        if name in stems:
            return np.sort(np.concatenate([rows[text] for text in stems[name]]))
    known = ", ".join(list(rows)[:5]) + (", …" if len(rows) > 5 else "")
    raise Problem(
        file=sheet.path,
        found=f"no row of {names[0]!r}, but of {known}",
        expected=f"rows of it, by column {column!r}",
        cure=f"correct the column, or {SECTION}.rows",
    )


def _range(sheet: Sheet, settings: Annotations, target: str) -> tuple[float, float]:
    named = settings.range or {}
    return named.get(target) or named.get(ALL) or sheet.range or WHOLE


def _scaled(sheet: Sheet, column: int, rows: Rows | None, ends: tuple[float, float]) -> Array:
    """A column's values in [-1, 1]. Raises `Problem` if one is out of the range."""
    values = sheet.values(column, rows)
    low, high = ends
    wrong = (values < low) | (values > high)
    if wrong.any():
        row = int(np.argmax(wrong))
        place = sheet.place(int(rows[row]) if rows is not None else row)
        count = int(wrong.sum()) - 1
        more = f" (and {count} more)" if count else ""
        raise Problem(
            file=sheet.path,
            found=f"the value {values[row]:g} of {sheet.named(column)} in {place}{more}",
            expected=f"values in [{low:g}, {high:g}]",
            cure=f"set {SECTION}.range to the scale, or missing if the value stands for none, or "
            "correct the file",
        )
    return values if ends == WHOLE else 2 * (values - low) / (high - low) - 1


def _ordered(name: str, when: Stamps, values: Array, ends: tuple[float, float]) -> Rater:
    """A rater whose times increase: rows of the same time become one, with their mean."""
    begins = when.begins
    if when.ends is not None:
        order = np.argsort(begins, kind="stable")
        return Rater(name, Stamps(begins[order], when.ends[order]), values[order], ends, 0)
    first = np.append(True, np.diff(begins) > 0)
    repeated = first.size - int(first.sum())
    if not repeated:
        return Rater(name, when, values, ends, 0)
    groups = np.flatnonzero(first)
    rated = ~np.isnan(values)
    counts = np.add.reduceat(rated, groups, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        means = np.add.reduceat(np.where(rated, values, 0.0), groups) / counts
    return Rater(name, Stamps(begins[groups], None), means, ends, repeated)

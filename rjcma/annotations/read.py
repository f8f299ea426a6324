"""The labels of a clip, from annotations in any form that the settings describe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.annotations import table
from rjcma.annotations.files import files
from rjcma.annotations.gold import Agreement, fuse
from rjcma.annotations.place import Frames, limit, placed, stretched
from rjcma.annotations.settings import ALL, SECTION, Annotations, Common, Rowed, Text
from rjcma.annotations.sheet import Rows, Sheet
from rjcma.annotations.times import Rating, Stamps, stamps
from rjcma.problem import Problem

Array = NDArray[np.float64]
Notes = list[tuple[str, str]]

WHOLE = (-1.0, 1.0)
"""The range of labels, and of annotations that do not say another."""
KEPT = 4
"""Files kept in memory, since further clips may be in them (ours)."""
LONGER = 1.0
"""Seconds by which raters or an annotation and its video may differ without a note (ours)."""


class Rated(NamedTuple):
    """The labels of a clip, and what is to be said of them."""

    labels: NDArray[np.float32]
    """(T, targets) in [-1, 1], NaN where unlabelled."""
    agreement: dict[str, dict[str, Agreement]]
    """Each rater's agreement with the others, by target; empty for a single rater."""
    weights: dict[str, dict[str, float]]
    """Each rater's weight, by target; they sum to 1."""
    ranges: dict[str, tuple[float, float]]
    """The values that became -1 and 1, by target."""
    notes: Notes
    """What is unusual: pairs of a kind of note and its detail."""


class Rater(NamedTuple):
    """What a rater said."""

    name: str
    stamps: Stamps
    values: Array
    """(N,) in [-1, 1], NaN where there is none."""
    range: tuple[float, float]
    """The values that became -1 and 1."""


def read(rating: Rating, settings: Annotations, targets: Sequence[str]) -> Rated:
    """The labels of a clip. Raises `Problem` if an annotation is missing or cannot be used."""
    try:
        return _read(rating, settings, targets)
    except Problem as problem:
        raise Problem(
            clip=rating.clip,
            file=problem.file,
            found=problem.found,
            expected=problem.expected,
            cure=problem.cure,
        ) from None


def _read(rating: Rating, settings: Annotations, targets: Sequence[str]) -> Rated:
    labels = np.full((len(rating.times), len(targets)), np.nan, np.float32)
    rated = Rated(labels, {}, {}, {}, [])
    sheets: dict[Path, Sheet] = {}
    for column, target in enumerate(targets):
        raters = list(_raters(rating, settings, target, sheets))
        labels[:, column] = _fused(raters, rating, settings, target, rated)
    return rated


def _raters(
    rating: Rating, settings: Common, target: str, sheets: dict[Path, Sheet]
) -> Iterator[Rater]:
    """All raters of a target: a file, some rows of it, or a column each."""
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
                yield Rater(name or sheet.named(column), when, values, ends)


_kept: dict[Path, tuple[int, int, Common, Sheet]] = {}


def _sheet(path: Path, settings: Common, is_shared: bool) -> Sheet:
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


def _opened(path: Path, settings: Common) -> Sheet:
    assert isinstance(settings, Text)
    return table.read(path, settings)


def _columns(sheet: Sheet, settings: Common, target: str, is_own: bool) -> list[int]:
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
    sheet: Sheet, settings: Common, clip: str, video: str, target: str
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


def _called(sheet: Sheet, column: int | str, names: Sequence[str]) -> Rows:
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


def _range(sheet: Sheet, settings: Common, target: str) -> tuple[float, float]:
    named = settings.range or {}
    return named.get(target) or named.get(ALL) or sheet.range or WHOLE


def _scaled(sheet: Sheet, column: int, rows: Rows | None, ends: tuple[float, float]) -> Array:
    """A column's values in [-1, 1]. Raises `Problem` if one is out of the range."""
    values = sheet.values(column)
    if rows is not None:
        values = values[rows]
    low, high = ends
    wrong = (values < low) | (values > high)
    if wrong.any():
        row = int(np.argmax(wrong))
        line = sheet.line(int(rows[row]) if rows is not None else row)
        count = int(wrong.sum()) - 1
        more = f" (and {count} more)" if count else ""
        raise Problem(
            file=sheet.path,
            found=f"the value {values[row]:g} of {sheet.named(column)} in line {line}{more}",
            expected=f"values in [{low:g}, {high:g}]",
            cure=f"set {SECTION}.range to the scale, or missing if the value stands for none, or "
            "correct the file",
        )
    return values if ends == WHOLE else 2 * (values - low) / (high - low) - 1


def _fused(
    raters: Sequence[Rater], rating: Rating, settings: Common, target: str, rated: Rated
) -> Array:
    """The gold standard on the clip's frames, (T,); what is to be said is added to `rated`."""
    frames = Frames(rating.times, rating.end)
    times = raters[0].stamps.begins
    own = all(
        one.stamps.ends is None and np.array_equal(one.stamps.begins, times) for one in raters
    )
    if own:
        ratings = np.stack([one.values for one in raters])
    else:
        ratings = np.stack([_placed(one, frames, settings) for one in raters])
    fused = fuse(ratings, settings.gold, settings.centre, settings.standardise)
    names = [one.name for one in raters]
    rated.weights[target] = dict(zip(names, fused.weights.tolist()))
    rated.agreement[target] = dict(zip(names, fused.agreement))
    rated.ranges[target] = raters[0].range
    if own:
        return placed(times, fused.values, frames, limit(times, settings.max_gap))
    return fused.values


def _placed(rater: Rater, frames: Frames, settings: Common) -> Array:
    begins, ends = rater.stamps
    if ends is not None:
        return stretched(begins, ends, rater.values, frames)
    return placed(begins, rater.values, frames, limit(begins, settings.max_gap))

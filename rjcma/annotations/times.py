"""The times of an annotation's rows, in seconds from the video's first frame."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.annotations.place import step
from rjcma.annotations.settings import SECTION, Time
from rjcma.annotations.sheet import Rows, Sheet
from rjcma.problem import Problem
from rjcma.timeline import Seconds

Array = NDArray[np.float64]

LONGER = 1.5
"""How many times as long as its video an annotation may be (ours): more is another video, or
another unit."""
THOUSAND = (500.0, 2000.0)
"""Ratios that are taken for a thousand: a wrong unit (ours)."""


class Rating(NamedTuple):
    """A clip to be labelled."""

    clip: str
    root: Path
    """The corpus's root."""
    annotation: str
    """The annotation's path under the root, perhaps with `{target}` and others; empty: that of the
    settings."""
    times: Array
    """The time of each frame, (T,), in seconds from the video's first frame."""
    start: Seconds
    """When the clip begins within the video."""
    fps: float
    video_seconds: Seconds
    """The video's length."""
    video: str = ""
    """The video's name; empty: that of the clip."""
    first: int = 0
    """The number of the clip's first frame within the video, from 0."""

    @property
    def end(self) -> Seconds:
        """When the clip's last frame ends."""
        return float(self.times[-1]) + 1 / self.fps


class Stamps(NamedTuple):
    """When rows were rated."""

    begins: Array
    ends: Array | None
    """The ends of stretches; None if rows are samples."""


def stamps(sheet: Sheet, rows: Rows | None, time: Time, rating: Rating) -> Stamps:
    """The times of rows (all of them for None), in seconds from the video's first frame.

    Raises `Problem` if they are not numbers, run backwards, or are in another unit.
    """
    is_frames = sheet.of == "frame"
    rate = None if is_frames else sheet.rate or time.rate
    if rate is not None:
        numbers = np.arange(len(sheet) if rows is None else len(rows), dtype=np.float64)
        begins = _frame_times(numbers, time, rating) if rate == "video" else numbers / float(rate)
        return Stamps(_moved(begins, time, rating, is_frame=rate == "video"), None)
    unit = "frame" if is_frames else time.unit
    column = 0 if is_frames else _one(sheet, time.column)
    begins = _read(sheet, column, rows)
    ends = None if time.end is None else _read(sheet, _one(sheet, time.end), rows)
    if ends is None and (np.diff(begins) < 0).any():
        row = int(np.argmax(np.diff(begins) < 0)) + 1
        raise _wrong(
            sheet,
            f"the time {begins[row]:g} after {begins[row - 1]:g} in {_place(sheet, rows, row)}",
            "times that do not run backwards",
            f"sort the rows, or correct {SECTION}.time.column or rows",
        )
    if ends is not None and (ends < begins).any():
        row = int(np.argmax(ends < begins))
        raise _wrong(
            sheet,
            f"a stretch from {begins[row]:g} to {ends[row]:g} in {_place(sheet, rows, row)}",
            "stretches that end after they begin",
            f"correct the line, or {SECTION}.time.column and end",
        )
    if time.stamp == "end":
        begins = begins - step(begins)
    _check_unit(sheet, begins if ends is None else ends, unit, time, rating)
    begins = _seconds(sheet, begins, rows, unit, time, rating)
    if ends is not None:
        ends = _seconds(sheet, ends, rows, unit, time, rating)
    return Stamps(begins, ends)


def _one(sheet: Sheet, column: int | str) -> int:
    return sheet.found(column)[0]


def _read(sheet: Sheet, column: int, rows: Rows | None) -> Array:
    values = sheet.values(column, rows)
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite))
        raise _wrong(
            sheet,
            f"no time in {sheet.named(column)}, {_place(sheet, rows, row)}",
            "a time in every row",
            f"correct or remove the line, or correct {SECTION}.time.column",
        )
    return values


def _place(sheet: Sheet, rows: Rows | None, row: int) -> str:
    return sheet.place(int(rows[row]) if rows is not None else row)


def _seconds(
    sheet: Sheet, values: Array, rows: Rows | None, unit: str, time: Time, rating: Rating
) -> Array:
    if unit == "frame":
        if (values != np.round(values)).any() and time.stamp == "begin":
            row = int(np.argmax(values != np.round(values)))
            raise _wrong(
                sheet,
                f"the frame number {values[row]:g} in {_place(sheet, rows, row)}",
                "whole numbers",
                f"set {SECTION}.time.unit: s or ms",
            )
        seconds = _frame_times(values - time.first, time, rating)
    else:
        seconds = values / 1000 if unit == "ms" else values
    return _moved(seconds, time, rating, is_frame=unit == "frame")


def _frame_times(numbers: Array, time: Time, rating: Rating) -> Array:
    """The times of frames, by number from 0 in the video, or in the clip."""
    k = numbers - rating.first if time.origin == "video" else numbers
    count = len(rating.times)
    inside = np.interp(k, np.arange(count), rating.times)
    outside = np.where(k < 0, k, np.maximum(k - (count - 1), 0.0)) / rating.fps
    return inside + outside


def _moved(seconds: Array, time: Time, rating: Rating, is_frame: bool) -> Array:
    origin = rating.start if time.origin == "clip" and not is_frame else 0.0
    return seconds + (origin + time.offset) if origin + time.offset else seconds


def _check_unit(sheet: Sheet, times: Array, unit: str, time: Time, rating: Rating) -> None:
    """Raise `Problem` if the unit cannot be the right one."""
    per_second = {"s": 1.0, "ms": 1000.0, "frame": rating.fps}
    video = rating.video_seconds - (rating.start if time.origin == "clip" else 0.0)
    length = float(times.max(initial=0.0)) / per_second[unit]
    ratio = length / video
    if THOUSAND[0] <= 1 / max(ratio, 1e-9) <= THOUSAND[1]:
        found = "a thousandth of its video's"
    elif ratio > LONGER:
        found = (
            "about 1000 times its video's"
            if THOUSAND[0] <= ratio <= THOUSAND[1]
            else (f"{ratio:.3g} times its video's")
        )
    else:
        return
    fits = [
        name
        for name, factor in per_second.items()
        if name != unit and 0.5 <= length * per_second[unit] / factor / video <= LONGER
    ]
    raise _wrong(
        sheet,
        f"an annotation of {length:g} s, {found} {video:g} s",
        "an annotation as long as its video",
        f"set {SECTION}.time.unit: {' or '.join(fits)}"
        if fits
        else f"correct {SECTION}.time.unit, or see whether it is this video's",
    )


def _wrong(sheet: Sheet, found: str, expected: str, cure: str) -> Problem:
    return Problem(file=sheet.path, found=found, expected=expected, cure=cure)

"""Guesses how annotations are written, for a first params file: times, columns, targets, scale."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from rjcma.annotations import arff, frames_json, nova, table
from rjcma.annotations.settings import Arff, FramesJson, Nova, Table
from rjcma.annotations.sheet import Sheet
from rjcma.annotations.table import first_lines
from rjcma.corpus.first_files import TARGETS
from rjcma.problem import Problem
from rjcma.timeline import Seconds

Array = NDArray[np.float64]

TIMES = re.compile(
    r"(video|frame)?[ _]?(time|timestamp|seconds?|secs?|ms|msec|milliseconds?|t)([ _]?(s|ms|sec))?"
    r"|(start|begin|onset|from)([ _]?time)?|frame([ _]?(no|nr|number|id|index))?",
    re.I,
)
STARTS = re.compile(r"(start|begin|onset|from)([ _]?time)?", re.I)
ENDS = re.compile(r"(end|stop|to)([ _]?time)?", re.I)
RATERS = re.compile(r"(rater|annotator|coder|evaluator|participant)([ _]?(id|name))?", re.I)
NO_RATINGS = re.compile(
    r"(segment|session|frame|row|index|no|nr|id|confidence|button|time|timestamp)([ _]?(id|no|nr))?"
    r"|[XY] button|b",
    re.I,
)
"""Columns of numbers that are no ratings."""
UNITS = 0.45
"""By how much the length of an annotation may differ from its video's, as a logarithm (ours)."""
RATES = (1, 2, 4, 5, 10, 20, 25, 30, 50, 60, 100, 200, 250, 500, 1000)
SYMMETRIC, POSITIVE = (1, 2, 3, 4, 5, 10, 50, 100, 1000), (5, 7, 9, 10, 100, 255, 1000)
"""Ends of scales that are in use."""
LOOKED_AT = 20
"""Files from which the scale is guessed (ours)."""


class Length(NamedTuple):
    """How long a video is, as its container says."""

    seconds: Seconds
    fps: float


class Sample(NamedTuple):
    """An annotation to look at."""

    path: Path
    clip: str
    video: Path


@dataclass
class Form:
    """A guess."""

    targets: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    """Of `corpus.annotations`."""
    comments: dict[str, str] = field(default_factory=dict)
    """What to check, by key of the settings."""
    raters: int = 1


def length_of(video: Path) -> Length | None:
    """A video's length; None if its container does not say."""
    try:
        with av.open(str(video), metadata_errors="replace") as container:
            stream = container.streams.video[0]
            fps = float(stream.average_rate or stream.guessed_rate or 0)
            seconds = (container.duration or 0) / 1e6
    except (av.FFmpegError, OSError, IndexError):
        return None
    return Length(seconds, fps) if seconds > 0 and fps > 0 else None


def guess(samples: Sequence[Sample], clips: Collection[str], targets: Iterable[str]) -> Form:
    """How these annotations are written. `clips` are the names of all clips, and `targets` those
    that paths name. Raises `Problem` if the first one cannot be read.
    """
    first = samples[0]
    form = Form(list(targets))
    sheet = _read(first.path, form)
    names = [_name(sheet, k) for k in range(sheet.width)]
    rows = _of_clip(sheet, first, clips, form)
    rows = _of_one(sheet, rows, form)
    numbers = [k for k in range(sheet.width) if k not in sheet.textual]
    used = _time(sheet, rows, numbers, length_of(first.video), form)
    _columns(sheet, names, [k for k in numbers if k not in used], form)
    _scale(samples, form)
    return form


def clip_column(path: Path, clips: Collection[str]) -> int | None:
    """The column of a table that names clips, if it has rows of several or of many moments."""
    try:
        sheet = _read(path, Form())
        counts = {k: sheet.rows(k) for k in range(sheet.width)}
    except Problem:
        return None
    for column, rows in counts.items():
        known = [text for text in rows if stem(text) in clips or text in clips]
        if known and 2 * len(known) >= len(rows) and len(sheet) > 2 * len(rows):
            return column
    return None


def stem(text: str) -> str:
    """The name without folders and suffix, of what may be a path."""
    return Path(text).stem


def sheet_of(path: Path) -> Sheet:
    """The rows of a file in the format that it seems to have. Raises `Problem` as readers do."""
    return _read(path, Form())


def _read(path: Path, form: Form) -> Sheet:
    """The rows of a file in the format that it seems to have, which goes into `form`."""
    match path.suffix.lower():
        case ".arff":
            form.settings["format"] = "arff"
            return arff.read(path, Arff(format="arff"))
        case ".json":
            form.settings["format"] = "frames_json"
            return frames_json.read(path, FramesJson(format="frames_json"))
        case ".annotation":
            form.settings["format"] = "nova"
            return nova.read(path, Nova(format="nova"))
    head = first_lines(path)
    mark = next((line for line in head if line.lstrip(" '\"").startswith("%%%")), None)
    plain: dict[str, Any] = {}
    if mark is not None:
        names = [line for line in head if "Second" in line]
        form.settings["format"] = "carma" if "Rating" in "".join(names) else "darma"
        plain["skip_until"] = "%%%"
    elif any(_has_commas(line) for line in head):
        plain["decimal"] = form.settings["decimal"] = ","
        form.comments["decimal"] = "numbers have decimal commas"
    return table.read(path, Table(format="table", **plain))


def _has_commas(line: str) -> bool:
    """Whether there is a number with a decimal comma between other delimiters."""
    cells = re.split(r"[;\t]", line)
    return len(cells) > 1 and any(re.fullmatch(r"\s*-?\d+,\d+\s*", cell) for cell in cells)


def _of_clip(
    sheet: Sheet, sample: Sample, clips: Collection[str], form: Form
) -> NDArray[np.intp] | None:
    """The rows of the clip if the file is of several clips, which goes into `form`."""
    column = clip_column(sample.path, clips) if sample.path.stem != sample.clip else None
    if column is None:
        return None
    form.settings.setdefault("rows", {})["clip"] = _name(sheet, column)
    for text, rows in sheet.rows(column).items():
        if sample.clip in (text, stem(text)):
            return rows
    return None


def _name(sheet: Sheet, column: int) -> str | int:
    return sheet.names[column] if sheet.names else column + 1


def _time(
    sheet: Sheet,
    rows: NDArray[np.intp] | None,
    numbers: Sequence[int],
    length: Length | None,
    form: Form,
) -> set[int]:
    """The columns that say when, which go into `form`."""
    if form.settings.get("format") in ("carma", "darma", "nova", "frames_json"):
        return {0} if form.settings["format"] != "nova" else {1}
    values = {k: sheet.values(k) if rows is None else sheet.values(k)[rows] for k in numbers}
    rising = [k for k in numbers if len(values[k]) > 1 and (np.diff(values[k]) >= 0).all()]
    rising = [k for k in rising if values[k][-1] > values[k][0]]
    named = [k for k in rising if sheet.names and TIMES.fullmatch(sheet.names[k])]
    candidates = named or [k for k in rising[:1] if k == numbers[0] and _is_even(values[k])]
    fits = [(*_unit(float(values[k][-1]), length), k) for k in candidates]
    fits = sorted(fit for fit in fits if fit[0] <= UNITS or len(candidates) == 1)
    if not fits:
        count = len(sheet) if rows is None else len(rows)
        form.settings["time"] = {"rate": _rate(count, length)}
        form.comments["time"] = f"no column of times: {count} rows"
        return set()
    off, unit, column = fits[0]
    form.settings["time"] = time = {"column": _name(sheet, column), "unit": unit}
    begin, last = float(values[column][0]), float(values[column][-1])
    seconds = f"{length.seconds:.1f} s" if length else "an unknown length"
    form.comments["time"] = f"from {begin:g} to {last:g}, of a video that has {seconds}"
    if off > UNITS:
        form.comments["time"] += ": the unit is NOT SURE"
    if unit == "frame" and values[column][0] == 1:
        time["first"] = 1
    used = {column}
    ends = [k for k in numbers if sheet.names and ENDS.fullmatch(sheet.names[k])]
    if ends and sheet.names and STARTS.fullmatch(sheet.names[column]):
        time["end"] = _name(sheet, ends[0])
        used.add(ends[0])
    return used | set(named)


def _is_even(values: Array) -> bool:
    steps = np.diff(values)
    return bool(np.abs(steps - np.median(steps)).max() <= 0.5 * np.median(steps))


def _unit(last: float, length: Length | None) -> tuple[float, str]:
    """The unit in which `last` comes nearest to a video's length, and how far off it is (log)."""
    if length is None or last <= 0:
        return math.inf, "s"
    per_second = {"s": 1.0, "ms": 1000.0, "frame": length.fps}
    return min(
        (abs(math.log(last / (length.seconds * rate))), unit) for unit, rate in per_second.items()
    )


def _rate(count: int, length: Length | None) -> float | str:
    """Rows per second: `video` for about as many rows as the video has frames."""
    if length is None or abs(count - length.seconds * length.fps) <= max(5, 0.02 * count):
        return "video"
    rate = count / length.seconds
    nearest = min(RATES, key=lambda known: abs(math.log(known / rate)))
    return nearest if abs(nearest / rate - 1) < 0.05 else round(rate, 2)


def _of_one(sheet: Sheet, rows: NDArray[np.intp] | None, form: Form) -> NDArray[np.intp] | None:
    """The rows of one rater and one target, if there are columns of these, which go into `form`."""
    of = form.settings.setdefault("rows", {})
    for column in range(sheet.width):
        name = _name(sheet, column)
        if isinstance(name, str) and RATERS.fullmatch(name) and name != of.get("clip"):
            of["rater"] = name
        elif column in sheet.textual and name != of.get("clip"):
            texts = list(sheet.rows(column))
            if texts and all(text.lower() in TARGETS for text in texts):
                of["target"] = name
                form.targets = texts
    for key in ("rater", "target"):
        if key in of:
            theirs = sheet.rows(sheet.found(of[key])[0]).values()
            both = (one if rows is None else np.intersect1d(rows, one) for one in theirs)
            rows = next((one for one in both if one.size), rows)
    if not of:
        del form.settings["rows"]
    return rows


def _columns(sheet: Sheet, names: Sequence[str | int], numbers: Sequence[int], form: Form) -> None:
    """The columns of the targets, and of their raters."""
    taken = set(form.settings.get("rows", {}).values())
    values = [
        names[k]
        for k in numbers
        if names[k] not in taken
        and not (isinstance(names[k], str) and NO_RATINGS.fullmatch(str(names[k])))
    ]
    own = form.targets or "target" in form.settings.get("rows", {})
    if form.settings.get("format") == "darma" and not own:
        form.targets = ["valence", "arousal"]
        form.settings["columns"] = {"valence": "X", "arousal": "Y"}
        form.comments["columns"] = "which axis is which target"
        return
    if own:
        form.raters = max(len(values), 1)
        if any(_words(name) for name in values):
            return  # the columns are called as the targets, of which each has its own file
        if len(values) > 1 or form.settings.get("format", "table") == "table":
            form.settings["columns"] = values if len(values) > 1 else values[0] if values else 1
            form.comments["columns"] = f"{len(values)} raters" if len(values) > 1 else "the rating"
        return
    by_target: dict[str, list[str | int]] = {}
    for name in values:
        for word in _words(name)[:1]:
            by_target.setdefault(word.lower(), []).append(name)
    if by_target:
        form.targets = list(by_target)
        form.raters = max(map(len, by_target.values()))
        if any(found != [target] for target, found in by_target.items()):
            form.settings["columns"] = {t: f if len(f) > 1 else f[0] for t, f in by_target.items()}
            form.comments["columns"] = "by target"
        return
    form.targets, form.raters = ["rating"], max(len(values), 1)
    if form.settings.get("format") not in ("carma", "nova"):
        form.settings["columns"] = values or [1]
        form.comments["columns"] = "NAME THE TARGETS: no known name is in the paths or the header"


def _words(name: str | int) -> list[str]:
    """The names of targets in a column's name."""
    return [word for word in re.findall(r"[A-Za-z]+", str(name)) if word.lower() in TARGETS]


def _scale(samples: Sequence[Sample], form: Form) -> None:
    """The scale, and the mark of missing values, from the values of some files."""
    if form.settings.get("format") in ("carma", "darma", "nova"):
        return
    seen = [_values(sample.path, form) for sample in samples[:LOOKED_AT]]
    values = np.unique(np.concatenate([np.zeros(0), *seen]))
    values = values[np.isfinite(values)]
    if not values.size:
        return
    if values[0] <= -5 and values[0] == round(values[0]) and (np.abs(values[1:]) <= 1).all():
        form.settings["missing"] = [float(values[0])]
        form.comments["missing"] = "all other values are in [-1, 1]"
        values = values[1:]
        if form.settings.get("time") == {"rate": "video"}:
            lengths = [length_of(sample.video) for sample in samples[:LOOKED_AT]]
            slowest = min((length.fps for length in lengths if length), default=25.0)
            form.settings["max_gap"] = round(1.5 / slowest, 3)
            form.comments["max_gap"] = f"one and a half frames at {slowest:g} fps: bridge none"
    low, high = float(values[0]), float(values[-1])
    where = f"values of {len(seen)} files are in [{low:g}, {high:g}]"
    if low < 0 or high <= 1:
        end = next((e for e in SYMMETRIC if max(-low, high) <= e), math.ceil(max(-low, high)))
        form.settings["range"] = [-end, end]
    else:
        end = next((e for e in POSITIVE if high <= e), math.ceil(high))
        form.settings["range"] = [1 if low >= 1 and end in (5, 7, 9) else 0, end]
    form.comments["range"] = where


def _values(path: Path, form: Form) -> Array:
    """All ratings in a file; none if it cannot be read."""
    try:
        sheet = _read(path, Form())
        return np.concatenate([sheet.values(k) for k in _rated(sheet, form)])
    except (Problem, ValueError):
        return np.zeros(0)


def _rated(sheet: Sheet, form: Form) -> list[int]:
    columns = form.settings.get("columns", form.targets)
    listed = list(columns.values()) if isinstance(columns, Mapping) else [columns]
    return [k for name in _flat(listed) for k in sheet.found(name)]


def _flat(names: Iterable[Any]) -> Iterable[Any]:
    for name in names:
        if isinstance(name, list):
            yield from _flat(name)
        else:
            yield name

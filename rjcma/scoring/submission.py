"""The challenge's files: a prediction for each row that the organisers ask for.

The organisers give a sample file, `image_location,valence,arousal` with a row `<clip>/00001.jpg,…`
for each picture; frame k of a clip is picture k + 1. Its rows and columns are the authority: a
picture for which there is no prediction has the one of the nearest frame, and predictions that it
does not list are left out. Without a sample, the rows are all frames of the test clips.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.corpus.labels import Ranges, in_own_units
from rjcma.jobs.files import csv_text, replace
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.scoring.predictions import formatted, held_out, of_fold
from rjcma.scoring.runs import TrainedRun

Array = NDArray[Any]

LOCATION = "image_location"
PLACE = re.compile(r"(?P<clip>.+)/(?P<picture>\d{1,9})\.\w+")
OF_FOLD = re.compile(r"fold\d+\.csv")
MEAN = "mean.csv"
NAMED = 5
"""Clips that a message names, at most (ours)."""


class Row(NamedTuple):
    """A picture that is asked for."""

    location: str
    """As the sample writes it."""
    clip: str
    picture: int
    """Its number, from 1."""


class Asked(NamedTuple):
    """What is asked for."""

    targets: tuple[str, ...]
    rows: Sequence[Row]


class Fitted(NamedTuple):
    """How the rows that are asked for fit the predictions, by clip."""

    nearest: Mapping[str, int]
    """Rows that have no prediction of their own, but that of the nearest frame."""
    left_out: Mapping[str, int]
    """Predictions that no row asks for."""


def of_test_clips(clips: Iterable[Clip], ranges: Ranges) -> Asked:
    """All frames of all test clips, and all targets. Raises `Problem` if there is no test clip."""
    test = [clip for clip in clips if clip.partition == "test"]
    if not test:
        raise Problem(
            file="corpus.test",
            found="no test clip in the manifest",
            expected="clips without annotations, whose predictions are handed in",
            cure="name them in corpus.test, or in the column partition of the list of clips",
        )
    rows = [
        Row(f"{clip.name}/{picture:05d}.jpg", clip.name, picture)
        for clip in test
        for picture in range(1, clip.frames + 1)
    ]
    return Asked(tuple(ranges), rows)


def read_sample(path: Path, clips: Iterable[Clip], runs: Iterable[TrainedRun]) -> Asked:
    """The rows and columns of the organisers' sample file.

    Raises `Problem` for a file that is missing or has another form, for a target that was not run,
    and for a clip that is not a test clip.
    """
    lines = _lines(path)
    header = [cell.strip() for cell in lines[0][1]]
    targets, run = header[1:], {each.target for each in runs}
    is_clear = len(set(header)) == len(header) and "" not in header
    if header[0] != LOCATION or not targets or not is_clear:
        raise _problem(path, f"the header {','.join(header)[:200]}")
    if missing := [target for target in targets if target not in run]:
        raise Problem(
            file=path,
            found=f"a column {missing[0]}, of which there is no run",
            expected=f"columns among {', '.join(sorted(run))}",
            cure=f"add {missing[0]} to runs.targets and run `dvc repro`, or correct the file",
        )
    rows = [_row(path, number, cells) for number, cells in lines[1:]]
    if not rows:
        raise _problem(path, "no row after the header")
    seen = Counter((row.clip, row.picture) for row in rows)
    if (twice := max(seen, key=lambda each: seen[each])) and seen[twice] > 1:
        raise _problem(path, f"picture {twice[1]} of this clip {seen[twice]} times", twice[0])
    _are_test_clips(path, [row.clip for row in rows], clips)
    return Asked(tuple(targets), rows)


def write(
    folder: Path, asked: Asked, runs: Sequence[TrainedRun], clips: Iterable[Clip], ranges: Ranges
) -> list[str]:
    """Write a file for each fold, and one of the folds' mean -> the lines to print.

    Values are held to [-1, 1], and then in the corpus's own units. Files of folds that are not run
    are removed from `folder`.
    """
    test = {clip.name: clip for clip in clips if clip.partition == "test"}
    targets = list(asked.targets)
    folds = sorted({run.fold for run in runs})
    files = {
        f"fold{fold}.csv": {name: of_fold(runs, fold, clip, targets) for name, clip in test.items()}
        for fold in folds
    }
    files[MEAN] = {name: held_out(runs, clip, targets) for name, clip in test.items()}
    for path in folder.glob("fold*.csv"):
        if OF_FOLD.fullmatch(path.name) and path.name not in files:
            path.unlink()
    lines = []
    for name, predictions in files.items():
        replace(folder / name, _text(asked, predictions, ranges).encode())
        what = f"the mean of {len(folds)} folds" if name == MEAN else "one fold"
        rows = "1 row" if len(asked.rows) == 1 else f"{len(asked.rows):,} rows"
        lines.append(f"{folder / name}: {rows}, {what}")
    return lines


def fitted(asked: Asked, clips: Iterable[Clip]) -> Fitted:
    """How the rows fit the predictions, which there are for each frame of the test clips."""
    frames = {clip.name: clip.frames for clip in clips if clip.partition == "test"}
    nearest = Counter(row.clip for row in asked.rows if not 1 <= row.picture <= frames[row.clip])
    used = Counter(row.clip for row in asked.rows if 1 <= row.picture <= frames[row.clip])
    left_out = {name: count - used[name] for name, count in frames.items() if count > used[name]}
    return Fitted(dict(nearest), left_out)


def in_words(fitted: Fitted) -> list[str]:
    """What did not fit, in a line each; nothing if all did."""
    lines = []
    if fitted.nearest:
        total = sum(fitted.nearest.values())
        lines.append(
            f"rows with the prediction of the nearest frame: {_counts(fitted.nearest, total)}"
        )
    if fitted.left_out:
        total = sum(fitted.left_out.values())
        lines.append(
            f"predictions that the sample does not ask for: {_counts(fitted.left_out, total)}"
        )
    return lines


def _counts(by_clip: Mapping[str, int], total: int) -> str:
    """A total and the clips that have most of it.

    >>> _counts({"anna": 3, "bert": 40}, 43)
    '43 (bert 40, anna 3)'
    """
    most = sorted(by_clip, key=lambda name: (-by_clip[name], name))
    named = ", ".join(f"{name} {by_clip[name]:,}" for name in most[:NAMED])
    more = f" and {len(most) - NAMED} more clips" if len(most) > NAMED else ""
    return f"{total:,} ({named}{more})"


def _text(asked: Asked, predictions: Mapping[str, Array], ranges: Ranges) -> str:
    cells = {name: _cells(values, asked.targets, ranges) for name, values in predictions.items()}
    rows: list[Iterable[object]] = [[LOCATION, *asked.targets]]
    for row in asked.rows:
        of_clip = cells[row.clip]
        rows.append([row.location, *of_clip[min(max(row.picture, 1), len(of_clip)) - 1]])
    return csv_text(rows)


def _cells(values: Array, targets: Sequence[str], ranges: Ranges) -> list[tuple[str, ...]]:
    """Predictions, (T, targets), as text: a tuple for each frame."""
    held = np.clip(values, -1, 1)
    columns = [
        formatted(in_own_units(column, ranges[target])) for target, column in zip(targets, held.T)
    ]
    return list(zip(*columns, strict=True))


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines of a CSV that are not empty, with their numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, cells) for cells in reader if cells]
    except FileNotFoundError:
        raise _problem(path, "no such file") from None
    except IsADirectoryError:
        raise _problem(path, "a folder") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise _problem(path, f"no CSV: {error}") from None
    if not lines:
        raise _problem(path, "an empty file")
    return lines


def _row(path: Path, number: int, cells: Sequence[str]) -> Row:
    location = cells[0].strip()
    place = PLACE.fullmatch(location)
    if place is None:
        raise _problem(path, f"{location[:100]!r} in line {number}")
    return Row(location, place["clip"], int(place["picture"]))


def _are_test_clips(path: Path, names: Iterable[str], clips: Iterable[Clip]) -> None:
    partitions = {clip.name: clip.partition for clip in clips}
    for name in dict.fromkeys(names):
        if name not in partitions:
            unknown = [each for each in dict.fromkeys(names) if each not in partitions]
            more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
            raise Problem(
                clip=name,
                file=path,
                found=f"a clip that is not in the manifest{more}",
                expected="rows of the manifest's test clips only",
                cure="name it in corpus.test and run `dvc repro`, or correct the file",
            )
        if partitions[name] != "test":
            raise Problem(
                clip=name,
                file=path,
                found=f"a {partitions[name]} clip",
                expected="rows of the manifest's test clips only: runs have seen others' labels",
                cure="correct the file, or the clip's partition",
            )


def _problem(path: Path, found: str, clip: str = "") -> Problem:
    return Problem(
        clip=clip,
        file=path,
        found=found,
        expected=f"the organisers' sample: {LOCATION} and targets, then <clip>/<picture>.jpg in"
        " each row, each picture once",
        cure="correct the file, or leave out --sample for all frames of the test clips",
    )

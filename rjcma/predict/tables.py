"""A predicted clip as a table: CSV for all, Parquet for those who read many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rjcma.jobs.files import csv_text, written
from rjcma.predict.result import Predicted
from rjcma.problem import Problem
from rjcma.scoring.predictions import formatted
from rjcma.timeline import item_at

Column = NDArray[Any] | list[str | None] | list[bool | None]


def columns(predicted: Predicted) -> Mapping[str, Column]:
    """The table's columns, a value for each frame.

    `frame` from 0, `time` in seconds, each target's mean and `_spread` in its own units, `face`:
    whether the person's face is seen (None if none was looked for), and `word`: the one that is
    being said, or None.
    """
    clip, named = predicted.clip, list(predicted.words)
    times = clip.frame_times()
    spoken = item_at(times, [word.start for word in named], [word.end for word in named])
    values: dict[str, Column] = {"frame": np.arange(clip.frames), "time": times}
    for target in predicted.ranges:
        values[target] = predicted.mean(target)
        values[f"{target}_spread"] = predicted.spread(target)
    seen: list[bool | None] = [None] * clip.frames
    if predicted.boxes is not None:
        seen = (~np.isnan(predicted.boxes[:, 0])).tolist()
    said = [named[number].text if number >= 0 else None for number in spoken.tolist()]
    return {**values, "face": seen, "word": said}


def write_csv(predicted: Predicted, path: Path) -> None:
    """Write the table as CSV: numbers with six decimals, `face` as 1 or 0, nothing for None.

    Raises `Problem` for a path that cannot be written.
    """
    table = columns(predicted)
    cells = [_cells(name, column) for name, column in table.items()]
    with written(path, "a path for a CSV file") as partial:
        partial.write_text(csv_text([list(table), *zip(*cells, strict=True)]), encoding="utf-8")


def write_parquet(predicted: Predicted, path: Path) -> None:
    """Write the table as Parquet.

    Raises `Problem` if its library is not installed, and for a path that cannot be written.
    """
    table = _parquet().table(dict(columns(predicted)))
    with written(path, "a path for a Parquet file") as partial:
        _module("pyarrow.parquet").write_table(table, partial)


def refuse_without_parquet() -> None:
    """Raise `Problem` if Parquet cannot be written, before anything is computed."""
    _parquet()


def _parquet() -> Any:
    return _module("pyarrow")


def _module(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise Problem(
            file="--parquet",
            found="no library pyarrow",
            expected="the library that writes Parquet",
            cure='pip install "rjcma[parquet]", or leave --parquet out',
        ) from None


def _cells(name: str, column: Column) -> list[str]:
    if name == "frame":
        return [str(value) for value in np.asarray(column).tolist()]
    if isinstance(column, np.ndarray):
        return formatted(column)
    return [
        "" if value is None else str(int(value) if name == "face" else value) for value in column
    ]

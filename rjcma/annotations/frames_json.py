"""JSON by frames, as AFEW-VA has it: `{"frames": {"00000": {"valence": 1.0, "arousal": 2.0}}}`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rjcma.annotations.settings import SECTION, FramesJson
from rjcma.annotations.sheet import Cells, Sheet, empty, text_of
from rjcma.problem import Problem

MEMBER = "frames"


def read(path: Path, settings: FramesJson) -> Sheet:
    """The frames in the order of their numbers, which are the first column.

    The other columns are the members that are numbers in some frame. Raises `Problem` for any other
    form, and if there are no frames.
    """
    try:
        content = json.loads(text_of(path))
    except ValueError as error:
        raise _problem(path, f"no JSON ({error})") from None
    frames = content.get(MEMBER) if isinstance(content, Mapping) else None
    if not isinstance(frames, Mapping) or not all(isinstance(v, Mapping) for v in frames.values()):
        raise _problem(path, "another form")
    if not frames:
        raise empty(path, "no frames")
    wrong = [key for key in frames if not key.isdecimal()]
    if wrong:
        raise _problem(path, f"the frame {wrong[0]!r}, which is no number")
    ordered = sorted((int(key), frame) for key, frame in frames.items())
    names = list(dict.fromkeys(name for _, one in ordered for name in one if _is_number(one[name])))
    numbers = {0: np.array([number for number, _ in ordered], np.float64)}
    for column, name in enumerate(names, 1):
        values = [one.get(name) for _, one in ordered]
        numbers[column] = np.array([v if _is_number(v) else np.nan for v in values], np.float64)
    return Sheet(
        path=path,
        names=(MEMBER, *names),
        width=len(numbers),
        numbers=numbers,
        read=partial(Cells, [], [number for number, _ in ordered]),
        missing=settings.missing,
        of="frame",
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _problem(path: Path, found: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected=f"a JSON object with a member {MEMBER}, which has an object for each frame",
        cure=f"correct {SECTION}.format, or the file",
    )

"""The result of a trial, as a small JSON file with all that tables need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rjcma.jobs.files import read_json
from rjcma.params import first_mistake
from rjcma.problem import Problem

CURE = "delete the file and run `make ablation`: it is made again"


class Result(BaseModel):
    """The result of a run on its fold's validation clips."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    fold: int
    seed: int
    ccc: float
    """Over the labelled frames of all clips, concatenated."""
    clips: dict[str, float]
    """The CCC of each clip that has labelled frames."""
    best_epoch: int
    epochs: int
    settings: dict[str, Any]


def write(path: Path, result: Result) -> None:
    """Write a result; the same bytes for the same result."""
    path.write_text(result.model_dump_json(indent=1) + "\n")


def read(path: Path) -> Result:
    """A result. Raises `Problem` for a file that is missing or is not a result."""
    expected = "the result of a trial"
    content = read_json(path, expected=expected, cure=CURE)
    try:
        return Result.model_validate(content)
    except ValidationError as error:
        key, value, allowed = first_mistake(error, Result)
        found = f"{key or 'the whole file'} = {value}"
        raise Problem(
            file=path, found=found, expected=f"{expected}: {allowed}", cure=CURE
        ) from None

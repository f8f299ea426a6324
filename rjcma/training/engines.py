"""What a run's features were made with, in its folder: so other videos' can be made likewise.

    {"package": "rjcma 0.1.0",
     "targets": [...],             the corpus's targets, in its order
     "range": [LOWEST, HIGHEST],   the run's target's, in the corpus's own units
     "params": {...},              the sections faces, speech, punctuation, text and encoders
     "models": {...},              by params key, each model's digest
     "digest": "..."}              of all these values: the file is in no ledger

Stage `index` writes params and models, when it has checked the params that all stages follow. They
are in no key: a run's key holds what these engines made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rjcma.jobs.digests import digest_value
from rjcma.jobs.files import read_json, replace
from rjcma.jobs.provenance import package
from rjcma.problem import Problem

ENGINES = "engines.json"
"""The file's name in a run's folder."""


class Record(BaseModel):
    """What the file in a run's folder says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str
    targets: tuple[str, ...] = ()
    range: tuple[float, float]
    params: dict[str, Any]
    models: dict[str, str]
    digest: str


def write(
    path: Path, engines: Path, ranges: Mapping[str, tuple[float, float]], target: str
) -> None:
    """Write a run's record: the `engines` of all runs, the targets, its own's range."""
    cure = "run `dvc repro index`, which writes it"
    content = read_json(engines, expected="the engines of all stages", cure=cure)
    said = {"package": package(), "targets": list(ranges), "range": list(ranges[target])}
    record = signed({**said, **content})
    replace(path, (json.dumps(record, indent=1) + "\n").encode())


def signed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the digest of its values."""
    values = {name: value for name, value in record.items() if name != "digest"}
    return {**values, "digest": digest_value(values)}


def read(folder: Path) -> Record | None:
    """The record in a run's folder; None if there is none.

    Raises `Problem` if it is another's, or was edited.
    """
    path = folder / ENGINES
    if not path.is_file():
        return None
    expected = "the engines of a run, as stage train records them"
    cure = (
        "run `dvc repro` where it was trained, which writes it again, or copy it again; or remove"
        " it and give --other-engines"
    )
    content = read_json(path, expected=expected, cure=cure)
    try:
        record = Record.model_validate(content)
    except ValidationError as error:
        found = f"{error.error_count()} values of another form or version"
        raise Problem(file=path, found=found, expected=expected, cure=cure) from None
    if signed(content) != content:
        found = "values that were edited since"
        raise Problem(file=path, found=found, expected=expected, cure=cure)
    return record

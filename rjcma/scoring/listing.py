"""What a report is of, `clips.json`: its targets, and its clips with the folds that score them.

    targets   the range of each target, in the corpus's own units
    clips     of each clip: name, video, `together` (the group or video that is never divided
              between folds), partition, fps, frames, and `folds`: those that validate on it

Whoever has the report only, without the manifest, can so tell which clips belong together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rjcma.corpus.labels import Ranges
from rjcma.jobs.files import read_json, replace
from rjcma.manifest import Clip
from rjcma.params import first_mistake
from rjcma.problem import Problem
from rjcma.scoring.runs import TrainedRun

FILE = "clips.json"


class Listed(BaseModel):
    """A clip of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    video: str
    together: str
    partition: str
    fps: float
    frames: int
    folds: tuple[int, ...]


class Listing(BaseModel):
    """The content of clips.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    targets: dict[str, tuple[float, float]]
    clips: tuple[Listed, ...]


def listing(clips: Iterable[Clip], ranges: Ranges, runs: Sequence[TrainedRun]) -> Listing:
    """The listing of a report on these clips and runs."""
    return Listing(targets=dict(ranges), clips=tuple(_listed(clip, runs) for clip in clips))


def _listed(clip: Clip, runs: Sequence[TrainedRun]) -> Listed:
    return Listed(
        name=clip.name,
        video=clip.video,
        together=clip.together,
        partition=clip.partition,
        fps=clip.fps,
        frames=clip.frames,
        folds=tuple(sorted({run.fold for run in runs if clip.name in run.validation})),
    )


def write(path: Path, content: Listing) -> None:
    """Write clips.json: a line per clip."""
    targets = json.dumps(content.targets)
    lines = ",\n".join(f"  {each.model_dump_json()}" for each in content.clips)
    replace(path, f'{{\n "targets": {targets},\n "clips": [\n{lines}\n ]\n}}\n'.encode())


def read(path: Path) -> Listing:
    """Read clips.json. Raises `Problem` if it is missing or damaged."""
    expected, cure = "targets and clips, as stage score lists them", "make the report again"
    content: Any = read_json(path, expected=expected, cure=cure)
    try:
        return Listing.model_validate(content)
    except ValidationError as error:
        key, value, wanted = first_mistake(error, Listing)
        found = f"{key} = {value}, not {wanted}"
        raise Problem(file=path, found=found, expected=expected, cure=cure) from None

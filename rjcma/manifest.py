"""The manifest, `data/clips.jsonl`: one line per clip, with all that later stages need to know.

Of the labels it holds only their number, T, so a changed annotation recomputes no feature.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rjcma import timeline
from rjcma.jobs.files import replace
from rjcma.params import first_mistake
from rjcma.problem import Problem

Partition = Literal["train", "validation", "test"]
Person = Literal["left", "right"] | int
"""Which person in a picture: the left or the right one, or the n-th from the left, from 1."""


class Clip(BaseModel):
    """One person in one video, over T frames."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    video: str
    """The stem of the video's file, and of its sound and transcript; two clips may share it."""
    partition: Partition
    fps: float = Field(gt=0)
    """Frames per second: exact if frame times are regular, else their average."""
    frames: int = Field(gt=0)
    """T: the number of the annotation's rows, or of the video's frames if there is none."""
    file: str
    """The video's path, relative to the corpus's root."""
    video_digest: str
    decoded: int = Field(gt=0)
    """The number of frames that the decoder gives for the video."""
    times: tuple[float, ...] | None
    """The time of each decoded frame, in seconds from the first; None if frame k is at k / fps."""
    faces: str | None
    """The folder of face crops, relative to the root; None if there are no crops."""
    faces_digest: str
    sound: bool
    """Whether the video has an audio stream."""
    stretch: bool = False
    """Whether the clip is only a stretch of its video."""
    first: int = Field(default=0, ge=0)
    """The video's frame with which the clip begins."""
    group: str = ""
    """The subject, session or speaker, which is never divided between folds; empty: the video."""
    person: Person | None = None
    """The person in the picture; None for the one who is seen longest."""
    details: dict[str, str] = {}
    """What else the list of clips says of it, by column."""

    @property
    def together(self) -> str:
        """What the clip's fold is chosen by: clips of the same group, or video, stay together."""
        return self.group or self.video

    def frame_times(self) -> NDArray[np.float64]:
        """Each frame's time in seconds, (T,), counted from the video's first frame."""
        frames = timeline.frame_times(self.first + self.frames, self.fps, self.times)
        return frames[self.first :]


def write(path: Path, clips: Iterable[Clip]) -> None:
    """Write the manifest, sorted by name; a file of the same content is left untouched."""
    ordered = sorted(clips, key=lambda clip: clip.name)
    lines = [clip.model_dump_json(exclude_defaults=True) + "\n" for clip in ordered]
    replace(path, "".join(lines).encode())


def read(path: Path) -> list[Clip]:
    """All clips, sorted by name. Raises `Problem` for a file that is missing or not a manifest."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise _problem(path, "no such file") from None
    except UnicodeDecodeError:
        raise _problem(path, "bytes that are not text") from None
    clips = [_clip(path, number, line) for number, line in enumerate(lines, 1)]
    names = [clip.name for clip in clips]
    if names != sorted(set(names)):
        raise _problem(path, "names that are not sorted, or that occur twice")
    return clips


def _clip(path: Path, number: int, line: str) -> Clip:
    try:
        return Clip.model_validate_json(line)
    except ValidationError as error:
        key, value, expected = first_mistake(error, Clip)
        raise _problem(path, f"{key} = {value} in line {number}, not {expected}") from None


def _problem(path: Path, found: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected="the manifest that stage index writes, one clip per line",
        cure="delete the file and run `dvc repro index`: it is made again",
    )

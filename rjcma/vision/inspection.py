"""Look at the faces of single videos, for `rjcma faces`."""

from __future__ import annotations

import time
from pathlib import Path

from rjcma.manifest import Person
from rjcma.models.hints import with_hint
from rjcma.params import checked, load
from rjcma.problem import Problem, shown
from rjcma.vision.finding import follow, landmarks_by_frame, opened, whole
from rjcma.vision.model import models
from rjcma.vision.people import choose
from rjcma.vision.settings import Faces
from rjcma.vision.sheet import draw


def settings(params: Path, engine: str | None, model: str | None) -> Faces:
    """The section `faces` of a params file, with another engine or model if they are given.

    Raises `Problem` if there is no detector or no model, or if the values are not valid.
    """
    faces: Faces = load(params, "faces", Faces) if params.is_file() else Faces.model_validate({})
    if engine or model:
        detector = {"engine": engine or "yunet"} | ({"model": model} if model else {})
        plain = {**faces.model_dump(), "detector": detector}
        faces = checked(Faces, plain, "faces", "the options --engine and --model")
    if faces.detector is None:
        raise Problem(
            file=params,
            found="no faces.detector",
            expected="a detector",
            cure="set faces.detector, or give --model FILE or --engine haar",
        )
    for key, identity in models(faces).items():
        if isinstance(identity, Problem):
            raise with_hint(identity, key, str(getattr(faces.detector, "model", "")))
    return faces


def person(name: str | None) -> Person | None:
    """The person of this name. Raises `Problem` for another than left, right or a number from 1."""
    if name is None:
        return None
    if name in ("left", "right"):
        return "left" if name == "left" else "right"
    if name.isascii() and name.isdigit() and int(name):
        return int(name)
    raise Problem(
        file="--person",
        found=shown(name),
        expected="left, right, or a number from 1",
        cure="correct it, or leave it out for the person who is seen most",
    )


def inspect(video: Path, settings: Faces, person: Person | None, sheet: Path) -> str:
    """Find the faces of a video and draw its sheet; -> what was found, in a line."""
    detect, stretch = opened(settings), whole(video)
    began = time.perf_counter()
    seen = follow(stretch, settings, detect)
    rate = seen.frames / (time.perf_counter() - began)
    stretch = stretch._replace(frames=seen.frames)
    choice = choose(seen.tracks, person, stretch.fps, seen.size[0])
    faces = 0 if choice.person is None else len(choice.person.frames)
    line = (
        f"{shown(video.name)}: {faces} of {seen.frames} frames have a face"
        f" ({faces / seen.frames:.0%}); people: {len(choice.people)}, tracks: {len(seen.tracks)};"
        f" chosen: {choice.why}"
    )
    draw(sheet, line, stretch, seen, choice, landmarks_by_frame(choice, stretch))
    return f"{line}; {rate:.0f} frames a second"

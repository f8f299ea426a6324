"""The face crops of every clip, one file per clip."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rjcma.jobs import adoption
from rjcma.jobs.progress import say
from rjcma.jobs.recipe import Recipe, modules_of
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip
from rjcma.params import keyed
from rjcma.problem import shown
from rjcma.vision.model import models
from rjcma.vision.settings import Faces

PACK, FIND = "rjcma.vision.faces:pack", "rjcma.vision.finding:find"

FOUND = "found"
"""The attribute of a store file that says who was found and chosen, as JSON."""


def faces_all(clips: Sequence[Clip], corpus: Path, out: Path, faces: Faces) -> None:
    """Write each clip's crops, resized, and each frame's row among them, as `out/<clip>.h5`.

    A clip without crops has its faces found in its video, if `faces` names a detector; then a line
    is printed for each such clip without a face. The paths of crops and videos are relative to the
    folder `corpus`. Raises `Problems`, one line for each clip with a crop or a video that cannot be
    read, and `Problem` if the corpus or the detector's model is needed and missing.
    """
    packing = Recipe.of(modules_of(PACK), {"faces": {"size": faces.size}}, {})
    found = [clip for clip in clips if faces.detector and clip.faces is None]
    packed = [_packed(clip, corpus, faces, packing) for clip in clips if clip not in found]
    work = Work(
        FIND,
        [*packed, *(_found(clip, corpus, faces) for clip in found)],
        out,
        ".h5",
        stage="faces",
        settings={"faces": keyed(faces)},
        models=models(faces),
        implementations=[faces.detector.implementation] if faces.detector else [],
        source=corpus,
    )
    adoption.run(work)
    for line in _notes(found, out):
        say(line)


def _packed(clip: Clip, corpus: Path, faces: Faces, recipe: Recipe) -> Job:
    """A clip that is packed; its key does not depend on how faces are found in others."""
    folder = None if clip.faces is None else corpus / clip.faces
    digests = {"crops": clip.faces_digest, "frames": str(clip.frames)}
    arguments = (faces.size, folder, clip.frames, clip.name)
    return Job(clip.name, arguments, digests, clip.frames, recipe=recipe, make=PACK)


def _found(clip: Clip, corpus: Path, faces: Faces) -> Job:
    numbers = {name: str(getattr(clip, name)) for name in ("first", "frames", "fps", "person")}
    digests = {"video": clip.video_digest, **numbers}
    return Job(clip.name, (faces, corpus / clip.file, clip), digests, clip.frames)


def _notes(found: Sequence[Clip], out: Path) -> Iterator[str]:
    """A line for each clip of which less than half of the frames have a face."""
    for clip in found:
        path = out / f"{clip.name}.h5"
        if path.is_file():  # with shards, others may be at work
            of = json.loads(_attributes(path)[FOUND])
            if of["frames"] < clip.frames / 2:
                share = f"{of['frames']} of {clip.frames} frames have a face"
                yield f"{out}: note: clip {shown(clip.name)}: {share} ({of['chosen']})"


def _attributes(path: Path) -> Mapping[str, Any]:
    import h5py  # here, since nothing may be to do

    with h5py.File(path) as file:
        return dict(file.attrs)

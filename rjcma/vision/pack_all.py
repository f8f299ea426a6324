"""The face crops of every clip, one file per clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.jobs import adoption
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip
from rjcma.params import keyed
from rjcma.vision.settings import Faces


def pack_all(clips: Sequence[Clip], corpus: Path, out: Path, faces: Faces) -> None:
    """Write each clip's crops, resized, and each frame's row among them, as `out/<clip>.h5`.

    The paths of crops are relative to the folder `corpus`. Raises `Problems`, one line for each
    clip with a crop that cannot be read, and `Problem` if the corpus is needed and missing.
    """
    work = Work(
        "rjcma.vision.faces:pack",
        [_job(clip, corpus) for clip in clips],
        out,
        ".h5",
        stage="pack_faces",
        common=(faces.size,),
        settings={"faces": keyed(faces)},
        source=corpus,
    )
    adoption.run(work)


def _job(clip: Clip, corpus: Path) -> Job:
    folder = None if clip.faces is None else corpus / clip.faces
    digests = {"crops": clip.faces_digest, "frames": str(clip.frames)}
    return Job(clip.name, (folder, clip.frames, clip.name), digests, length=clip.frames)

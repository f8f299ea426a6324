"""Stage pack_faces: face crops, packed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rjcma import clipwise
from rjcma.command import run
from rjcma.corpus import manifest
from rjcma.params import dumped, load
from rjcma.vision.faces import VERSION, pack
from rjcma.vision.settings import Faces


def main(clips: Path, corpus: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    """Write each clip's face crops, resized, and its frames' crops among them, as OUT/CLIP.h5.

    CLIPS is the manifest and CORPUS the folder that its folders of crops start from.
    """
    faces = load(params, "faces", Faces)
    jobs = []
    for clip in manifest.read(clips):
        folder = None if clip.faces is None else corpus / clip.faces
        arguments = (folder, clip.frames, clip.name)
        jobs.append(clipwise.Job(clip.name, arguments, (clip.faces_digest, str(clip.frames))))
    make = partial(pack, size=faces.size)
    clipwise.run(make, jobs, out, ".h5", version=VERSION, settings=[dumped(faces)])


if __name__ == "__main__":
    run(main)

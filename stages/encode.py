"""Stage encode: an encoder's vectors, computed once."""

from __future__ import annotations

from pathlib import Path

from rjcma import clipwise
from rjcma.command import run
from rjcma.corpus import manifest
from rjcma.params import load
from rjcma.training.encode import VERSION, Encoding
from rjcma.training.encoders import Encoded, Encoders
from rjcma.training.settings import Training


def main(
    modality: Encoded,
    clips: Path,
    faces: Path,
    logmel: Path,
    out: Path,
    params: Path = Path("params.yaml"),
) -> None:
    """Write the visual or audio encoder's vector of each frame of each clip, as OUT/CLIP.h5.

    CLIPS is the manifest; FACES and LOGMEL are the folders of what the encoders look at.
    """
    settings, seed = load(params, "encoders", Encoders), load(params, "training", Training).seed
    encoding = Encoding(modality, settings, seed, faces if modality == "visual" else logmel)
    clipwise.run(
        encoding.write,
        encoding.jobs(manifest.read(clips)),
        out,
        ".h5",
        version=VERSION,
        settings=[encoding.identity()],
        workers="one",
    )


if __name__ == "__main__":
    run(main)

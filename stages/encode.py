"""Stage encode: an encoder's vectors, computed once."""

from __future__ import annotations

from pathlib import Path

from rjcma.command import run
from rjcma.corpus import manifest
from rjcma.params import load
from rjcma.training.encode import Encoding
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
    folder = faces if modality == "visual" else logmel
    Encoding(modality, settings, seed, folder).run(manifest.read(clips), out)


if __name__ == "__main__":
    run(main)

"""Stage pack_faces: the face crops of a clip, in one file."""

from pathlib import Path

from rjcma import manifest
from rjcma.command import run
from rjcma.corpus.settings import Corpus
from rjcma.params import load
from rjcma.vision.pack_all import pack_all
from rjcma.vision.settings import Faces


def main(clips: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    """Write each clip's face crops, resized, and the crop of each frame, as OUT/CLIP.h5.

    CLIPS is the manifest.
    """
    corpus, faces = load(params, "corpus", Corpus), load(params, "faces", Faces)
    pack_all(manifest.read(clips), Path(corpus.root), out, faces)


if __name__ == "__main__":
    run(main)

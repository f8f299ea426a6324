"""Stage faces: each clip's face crops in one file, packed or found in its video."""

from pathlib import Path

from rjcma import manifest
from rjcma.command import run
from rjcma.corpus.settings import Corpus
from rjcma.params import load
from rjcma.vision.faces_all import faces_all
from rjcma.vision.settings import Faces


def main(clips: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    """Write each clip's face crops, resized, and the crop of each frame, as OUT/CLIP.h5.

    CLIPS is the manifest. Crops that come with the corpus are packed; those of other clips are cut
    from their videos if faces.detector is set.
    """
    corpus, faces = load(params, "corpus", Corpus), load(params, "faces", Faces)
    faces_all(manifest.read(clips), Path(corpus.root), out, faces)


if __name__ == "__main__":
    run(main)

"""Stage extract_audio: the videos' sound."""

from pathlib import Path

from rjcma import manifest
from rjcma.audio.extract_all import extract_all
from rjcma.command import run
from rjcma.corpus.settings import Corpus
from rjcma.params import load


def main(clips: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    """Write the sound of each video as OUT/VIDEO.wav: 16 kHz, mono, 16 bits.

    CLIPS is the manifest. Sample 0 is at the time of the video's first frame. Two clips of one
    video share a file.
    """
    extract_all(manifest.read(clips), Path(load(params, "corpus", Corpus).root), out)


if __name__ == "__main__":
    run(main)

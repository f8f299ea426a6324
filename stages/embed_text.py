"""Stage embed_text: from transcripts to the text feature."""

from pathlib import Path

from rjcma import manifest
from rjcma.command import run
from rjcma.params import load
from rjcma.text.embed_all import embed_all
from rjcma.text.settings import Text


def main(clips: Path, transcripts: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    """Embed the words of each clip with BERT; each frame refers to the word spoken at its time.

    CLIPS is the manifest, TRANSCRIPTS holds VIDEO.json, OUT receives CLIP.h5.
    """
    embed_all(manifest.read(clips), transcripts, out, load(params, "text", Text))


if __name__ == "__main__":
    run(main)

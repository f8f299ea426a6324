"""Stage transcribe: recognise the words of each video and their times."""

from pathlib import Path

from rjcma import manifest
from rjcma.command import run
from rjcma.params import load
from rjcma.speech.section import Speech
from rjcma.speech.transcribe_all import transcribe_all


def main(clips: Path, audio: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    """Recognise the words in each video's sound, AUDIO/VIDEO.wav, and write OUT/VIDEO.json.

    CLIPS is the manifest; two clips of one video share a file. Times are in seconds, counted from
    the video's first frame.
    """
    transcribe_all(manifest.read(clips), audio, out, load(params, "speech", Speech))


if __name__ == "__main__":
    run(main)

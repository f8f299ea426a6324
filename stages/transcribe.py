"""Stage transcribe: the words of each video with their times."""

from __future__ import annotations

from pathlib import Path

from rjcma.command import run
from rjcma.corpus import manifest
from rjcma.params import load
from rjcma.speech.settings import Speech
from rjcma.speech.transcription import transcribe_all


def main(clips: Path, audio: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    """Recognise the words in each video's sound, AUDIO/VIDEO.wav, and write OUT/VIDEO.json.

    CLIPS is the manifest; two clips of one video share a file. Times are seconds from the
    presentation of the video's first frame.
    """
    videos = [clip.video for clip in manifest.read(clips)]
    transcribe_all(videos, audio, out, load(params, "speech", Speech))


if __name__ == "__main__":
    run(main)

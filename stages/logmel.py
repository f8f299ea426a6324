"""Stage logmel: log-mel spectrograms."""

from pathlib import Path

from rjcma import manifest
from rjcma.audio.logmel_all import logmel_all
from rjcma.command import run


def main(clips: Path, audio: Path, out: Path) -> None:
    """Write each clip's log-mel spectrogram, and each frame's window in it, as OUT/CLIP.h5.

    CLIPS is the manifest and AUDIO the folder of the videos' sound.
    """
    logmel_all(manifest.read(clips), audio, out)


if __name__ == "__main__":
    run(main)

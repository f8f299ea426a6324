"""Stage logmel: log-mel spectrograms."""

from __future__ import annotations

from pathlib import Path

from rjcma import clipwise
from rjcma.audio.logmel import VERSION, first_rows, job, write
from rjcma.command import run
from rjcma.corpus import manifest


def main(clips: Path, audio: Path, out: Path) -> None:
    """Write each clip's log-mel spectrogram, and its frames' places in it, as OUT/CLIP.h5.

    CLIPS is the manifest and AUDIO the folder of the videos' sound.
    """
    jobs = [
        job(clip.name, audio / f"{clip.video}.wav", first_rows(clip.frames, clip.fps, clip.times))
        for clip in manifest.read(clips)
    ]
    clipwise.run(write, jobs, out, ".h5", version=VERSION)


if __name__ == "__main__":
    run(main)

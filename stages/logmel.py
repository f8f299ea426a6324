"""Stage logmel: log-mel spectrograms."""

from __future__ import annotations

from pathlib import Path

from rjcma import clipwise
from rjcma.audio.logmel import VERSION, first_rows, write
from rjcma.command import run
from rjcma.corpus import manifest


def main(clips: Path, audio: Path, out: Path) -> None:
    """Write each clip's log-mel spectrogram, and its frames' places in it, as OUT/CLIP.h5.

    CLIPS is the manifest and AUDIO the folder of the videos' sound.
    """
    records = manifest.read(clips)
    wavs = [audio / f"{clip.video}.wav" for clip in records]
    jobs = []
    for clip, wav, digest in zip(records, wavs, clipwise.digest_files(wavs), strict=True):
        index = first_rows(clip.frames, clip.fps, clip.times)
        digests = (digest, clipwise.digest_text(str(index.tolist())))
        jobs.append(clipwise.Job(clip.name, (wav, index, clip.name), digests))
    clipwise.run(write, jobs, out, ".h5", version=VERSION)


if __name__ == "__main__":
    run(main)

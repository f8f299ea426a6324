"""Stage extract_audio: the videos' sound."""

from __future__ import annotations

from pathlib import Path

from rjcma import clipwise
from rjcma.audio.extract import VERSION, extract
from rjcma.command import run
from rjcma.corpus import manifest
from rjcma.timeline import frame_times


def main(clips: Path, corpus: Path, out: Path) -> None:
    """Write the sound of each video as OUT/VIDEO.wav: 16 kHz, mono, 16 bits.

    CLIPS is the manifest and CORPUS the folder that its videos' paths start from. Sample 0 is the
    presentation of the video's first frame. Two clips of one video share a file.
    """
    videos = {clip.video: clip for clip in manifest.read(clips)}
    jobs = []
    for video, clip in videos.items():
        seconds = float(frame_times(clip.decoded + 1, clip.fps, clip.times)[clip.decoded])
        arguments = (corpus / clip.file, seconds, video)
        jobs.append(clipwise.Job(video, arguments, (clip.video_digest, repr(seconds))))
    clipwise.run(extract, jobs, out, ".wav", version=VERSION)


if __name__ == "__main__":
    run(main)

"""The sound of every video of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.jobs import adoption
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip
from rjcma.timeline import frame_times


def extract_all(clips: Sequence[Clip], corpus: Path, out: Path) -> None:
    """Write the sound of each video as `out/<video>.wav`; two clips of one video share it.

    The videos' paths are relative to the folder `corpus`. Raises `Problems`, one line for each
    video whose sound cannot be decoded, and `Problem` if the corpus is needed and missing.
    """
    videos = {clip.video: clip for clip in clips}
    jobs = [_job(clip, corpus) for clip in videos.values()]
    work = Work(
        "rjcma.audio.extract:extract",
        jobs,
        out,
        ".wav",
        stage="extract_audio",
        unit="video",
        source=corpus,
    )
    adoption.run(work)


def _job(clip: Clip, corpus: Path) -> Job:
    seconds = float(frame_times(clip.decoded + 1, clip.fps, clip.times)[clip.decoded])
    arguments = (corpus / clip.file, seconds, clip.video)
    digests = {"video": clip.video_digest, "seconds": repr(seconds)}
    return Job(clip.video, arguments, digests, length=seconds)

"""A preview of each video that no browser plays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.jobs import adoption
from rjcma.jobs.progress import say
from rjcma.jobs.work import Job, Work, claim
from rjcma.manifest import Clip
from rjcma.mp4.preview import is_needed


def previews(clips: Sequence[Clip], corpus: Path, out: Path, *, every: bool = False) -> None:
    """Write `out/<video>.mp4` for each video that no browser plays, or for every one.

    The videos' paths are relative to the folder `corpus`. Raises `Problems`, one line for each
    video that cannot be read, and `Problem` if the corpus is needed and missing, or if `out` is a
    folder of other files.
    """
    claim(out)
    videos = {clip.video: clip for clip in clips}
    chosen = [clip for clip in videos.values() if every or is_needed(corpus / clip.file)]
    if len(chosen) < len(videos):
        say(f"{out}: {len(videos) - len(chosen)} of {len(videos)} videos are played by browsers")
    work = Work(
        "rjcma.mp4.preview:make",
        [_job(clip, corpus) for clip in chosen],
        out,
        ".mp4",
        stage="previews",
        unit="video",
        source=corpus,
    )
    adoption.run(work)


def _job(clip: Clip, corpus: Path) -> Job:
    numbers = {name: repr(getattr(clip, name)) for name in ("decoded", "fps", "times")}
    digests = {"video": clip.video_digest, **numbers}
    return Job(clip.video, (corpus / clip.file, clip), digests, clip.decoded)

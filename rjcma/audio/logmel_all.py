"""The log-mel spectrogram of every clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.audio.windows import first_rows
from rjcma.jobs import adoption
from rjcma.jobs.digests import digest_value
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip


def logmel_all(clips: Sequence[Clip], audio: Path, out: Path) -> None:
    """Write each clip's spectrogram, from `audio/<video>.wav`, as `out/<clip>.h5`.

    Rows are (S, 64) float32, the index (T,) is each frame's first row. Raises `Problems`, one line
    for each clip whose sound is missing or has another format.
    """
    jobs = [_job(clip, audio / f"{clip.video}.wav") for clip in clips]
    adoption.run(Work("rjcma.audio.logmel:write", jobs, out, ".h5", stage="logmel"))


def _job(clip: Clip, wav: Path) -> Job:
    index = first_rows(clip.frames, clip.fps, clip.times, clip.first)
    digests = {"sound": digest_input(wav), "first rows": digest_value(index.tolist())}
    if clip.stretch:
        digests["stretch"] = "only its rows"
    return Job(clip.name, (wav, index, clip.name, clip.stretch), digests, length=clip.frames)

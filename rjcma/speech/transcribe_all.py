"""The words of every video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.jobs import adoption
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.recipe import Model
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip
from rjcma.params import keyed
from rjcma.speech import vosk_model
from rjcma.speech.settings import Speech, VoskSettings
from rjcma.speech.sound import Sound


def transcribe_all(clips: Sequence[Clip], audio: Path, out: Path, settings: Speech) -> None:
    """Write the words of each video's sound, `audio/<video>.wav`, as `out/<video>.json`.

    Two clips of one video share a file. Times are seconds from the presentation of the video's
    first frame. Raises `Problem` for an unusable model, and `Problems` for unusable sounds, after
    all others are done.
    """
    lengths = {clip.video: clip.frames / clip.fps for clip in clips}
    jobs = [_job(Sound(audio / f"{v}.wav", v), lengths[v]) for v in sorted(lengths)]
    work = Work(
        "rjcma.speech.transcribe:transcribe",
        jobs,
        out,
        ".json",
        stage="transcribe",
        common=(settings,),
        settings={"speech": keyed(settings)},
        models=models(settings),
        implementations=[settings.implementation],
        workers=settings.workers,
        unit="video",
    )
    adoption.run(work)


def models(settings: Speech) -> dict[str, Model]:
    """The identity of the model that the settings name, by params key; empty if none is needed."""
    if isinstance(settings, VoskSettings):
        return {"speech.model": vosk_model.identity(settings.model)}
    return {}


def _job(sound: Sound, seconds: float) -> Job:
    return Job(sound.video, (sound,), {"sound": digest_input(sound.path)}, length=seconds)

"""The words of every video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.jobs import adoption
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.recipe import Model
from rjcma.jobs.work import Job, Work
from rjcma.jobs.workers import DEFAULT, Needs
from rjcma.manifest import Clip
from rjcma.params import keyed
from rjcma.problem import Problem
from rjcma.speech import vosk_model, whisper_model
from rjcma.speech.section import Speech, WhisperSettings
from rjcma.speech.settings import VoskSettings
from rjcma.speech.sound import Sound
from rjcma.text import model_needs

PLAIN = "rjcma.speech.transcribe:transcribe"
WHISPER = "rjcma.speech.whisper_engine:transcribe"

ATTENTION = 2**30
"""Bytes of memory of what Whisper's decoder attends to in 30 s, beside the model (ours)."""


def transcribe_all(clips: Sequence[Clip], audio: Path, out: Path, settings: Speech) -> None:
    """Write the words of each video's sound, `audio/<video>.wav`, as `out/<video>.json`.

    Two clips of one video share a file. Times are seconds from the presentation of the video's
    first frame. Raises `Problem` for an unusable model or a language that it does not know, and
    `Problems` for unusable sounds, after all others are done.
    """
    if problem := wrong_language(settings):
        raise problem
    lengths = {clip.video: clip.frames / clip.fps for clip in clips}
    jobs = [_job(Sound(audio / f"{v}.wav", v), lengths[v]) for v in sorted(lengths)]
    work = Work(
        WHISPER if isinstance(settings, WhisperSettings) else PLAIN,
        jobs,
        out,
        ".json",
        stage="transcribe",
        common=(settings,),
        settings={"speech": keyed(settings)},
        models=models(settings),
        implementations=[settings.implementation],
        workers=settings.workers,
        needs=needs(settings),
        unit="video",
    )
    adoption.run(work)


def models(settings: Speech) -> dict[str, Model]:
    """The identity of the model that the settings name, by params key; empty if none is needed."""
    if isinstance(settings, VoskSettings):
        return {"speech.model": vosk_model.identity(settings.model)}
    if isinstance(settings, WhisperSettings):
        return {"speech.model": whisper_model.identity(settings)}
    return {}


def wrong_language(settings: Speech) -> Problem | None:
    """The problem with the language of the settings, if their model is here and has languages."""
    return whisper_model.wrong_language(settings) if isinstance(settings, WhisperSettings) else None


def needs(settings: Speech) -> Needs:
    """What one worker needs."""
    if not isinstance(settings, WhisperSettings):
        return DEFAULT
    of_model = model_needs.needs(settings.model, settings.device, key=whisper_model.KEY)
    return of_model._replace(memory=of_model.memory + ATTENTION)


def _job(sound: Sound, seconds: float) -> Job:
    return Job(sound.video, (sound,), {"sound": digest_input(sound.path)}, length=seconds)

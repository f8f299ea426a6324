"""From the videos' sound to files of words."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from rjcma import clipwise
from rjcma.params import dumped
from rjcma.speech import words
from rjcma.speech.engine import Engine
from rjcma.speech.settings import Speech
from rjcma.speech.sound import Sound

VERSION = 1
"""Of how words are heard and written; raised when the same sound would give other ones."""


def transcribe_all(videos: Iterable[str], audio: Path, out: Path, settings: Speech) -> None:
    """Write the words of each video's sound, `audio/<video>.wav`, as `out/<video>.json`.

    Raises `Problem` for an unusable model, and `Problems` for sounds that could not be used, when
    all others are done.
    """
    engine = settings.chosen()
    jobs = [_job(Sound(audio / f"{video}.wav", video)) for video in sorted(set(videos))]
    clipwise.run(
        functools.partial(transcribe, engine),
        jobs,
        out,
        ".json",
        version=VERSION,
        settings=(dumped(settings), engine.identity()),
        workers=engine.workers,
    )


def transcribe(engine: Engine, sound: Sound, out: Path) -> None:
    """Write what an engine hears in a sound."""
    words.write(out, engine.words(sound))


def _job(sound: Sound) -> clipwise.Job:
    digest = clipwise.digest_file(sound.path) if sound.path.is_file() else "missing"
    return clipwise.Job(sound.video, (sound,), (digest,))

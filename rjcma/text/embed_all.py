"""The text feature of every clip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rjcma.jobs import adoption
from rjcma.jobs.digests import digest_value
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.recipe import Model
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip
from rjcma.params import keyed
from rjcma.text import model_files
from rjcma.text.model_needs import needs
from rjcma.text.settings import Text


def embed_all(clips: Sequence[Clip], transcripts: Path, out: Path, settings: Text) -> None:
    """Write `out/<clip>.h5` for each clip: rows (W, D) float32, index (T,), -1 for no word.

    A video's words are embedded once for all its clips. Raises `Problem` for a missing model, and
    `Problems` for transcripts that cannot be read, after all others are done.
    """
    videos: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        videos[clip.video].append(clip)
    work = Work(
        "rjcma.text.embed:embed_video",
        [_job(clips, transcripts / f"{video}.json") for video, clips in sorted(videos.items())],
        out,
        ".h5",
        stage="embed_text",
        common=(settings,),
        settings={"text": keyed(settings)},
        models=models(settings),
        needs=needs(settings.model, settings.device, key="text.model"),
        unit="video",
    )
    adoption.run(work)


def models(settings: Text) -> dict[str, Model]:
    """The identity of the model that the settings name, by params key."""
    return {"text.model": model_files.identity(settings.model, key="text.model")}


def _job(clips: Sequence[Clip], transcript: Path) -> Job:
    times = digest_value([_frames(clip) for clip in clips])
    return Job(
        clips[0].video,
        (clips, transcript),
        {"transcript": digest_input(transcript), "frame times": times},
        length=clips[0].frames,
        files=tuple(f"{clip.name}.h5" for clip in clips),
    )


def _frames(clip: Clip) -> list[Any]:
    """What the words of a clip are placed on."""
    whole = [clip.name, clip.frame_times().tolist()]
    return [*whole, "stretch"] if clip.stretch else whole

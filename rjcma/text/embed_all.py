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
from rjcma.text import model_files, spaces
from rjcma.text.model_needs import needs
from rjcma.text.settings import Text


def embed_all(clips: Sequence[Clip], transcripts: Path, out: Path, settings: Text) -> None:
    """Write `out/<clip>.h5` for each clip: rows (W, D) float32, index (T,), -1 for no word.

    A video's words are embedded once for all its clips. Raises `Problem` for a missing model and
    one that is no text encoder, and `Problems` for transcripts that cannot be read, after all
    others are done.
    """
    videos: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        videos[clip.video].append(clip)
    work = Work(
        _make(settings),
        [_job(clips, transcripts / f"{video}.json") for video, clips in sorted(videos.items())],
        out,
        ".h5",
        stage="embed_text",
        common=(settings,),
        settings={"text": keyed(settings)},
        models=models(settings),
        needs=needs(settings.model, settings.device, key="text.model"),
        unit="video",
        around="rjcma.text.checked:encoder",
    )
    adoption.run(work)


def models(settings: Text) -> dict[str, Model]:
    """The identity of the model that the settings name, by params key."""
    return {"text.model": model_files.identity(settings.model, key="text.model")}


def _make(settings: Text) -> str:
    """The function of these settings; that of the default is as it was before there was a choice.

    It takes words one by one, so it suits no tokenizer that loses their spaces then.
    """
    is_default = not any(name in keyed(settings) for name in settings.added)
    suits = is_default and not spaces.may_be_lost(settings.model, key="text.model")
    return "rjcma.text.embed:embed_video" if suits else "rjcma.text.layered:embed_video"


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

"""The text feature: a vector a word, and for each frame the word spoken at its time."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from rjcma import clipwise, device, store
from rjcma.clipwise import digest_file, digest_text
from rjcma.corpus.manifest import Clip
from rjcma.params import dumped
from rjcma.speech.words import read
from rjcma.text import embedding, pretrained
from rjcma.text.settings import Text
from rjcma.timeline import item_at

VERSION = 1
"""Of what a file holds; raised when the same transcript would come out otherwise."""


def embed_all(clips: Sequence[Clip], transcripts: Path, out: Path, settings: Text) -> None:
    """Write `out/<clip>.h5` for each clip: rows (W, D) float32, index (T,), -1 where no word."""
    device.choose(settings.device)
    model = pretrained.identity(settings.model, key=embedding.KEY)
    ordered = sorted(clips, key=lambda clip: (clip.video, clip.name))
    jobs = [_job(clip, transcripts / f"{clip.video}.json") for clip in ordered]
    make = functools.partial(embed_clip, settings)
    asked = (dumped(settings), model)
    clipwise.run(make, jobs, out, ".h5", version=VERSION, settings=asked, workers="one")


def embed_clip(settings: Text, clip: Clip, transcript: Path, out: Path) -> None:
    """Write to `out` the text feature of a clip, from the transcript of its video."""
    words = read(transcript)
    rows = embedding.vectors(tuple(word.text for word in words), settings)
    starts, ends = [word.start for word in words], [word.end for word in words]
    store.write(out, rows, item_at(clip.frame_times(), starts, ends))


def _job(clip: Clip, transcript: Path) -> clipwise.Job:
    digest = digest_file(transcript) if transcript.is_file() else ""
    times = digest_text(repr(clip.frame_times().tolist()))
    return clipwise.Job(clip.name, (clip, transcript), (digest, times))

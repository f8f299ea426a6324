"""The text feature: one vector per word, and for each frame the word spoken at its time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma import store
from rjcma.manifest import Clip
from rjcma.speech.words import read
from rjcma.text.embedding import embedder
from rjcma.text.settings import Text
from rjcma.timeline import item_at


def embed_video(settings: Text, clips: Sequence[Clip], transcript: Path, out: Path) -> None:
    """Write `out/<clip>.h5` for each clip of a video, from the video's transcript.

    Rows are (W, D) float32, the index (T,) is each frame's word, -1 if nobody speaks.
    """
    words = read(transcript)
    rows = embedder(settings).embed([word.text for word in words])
    starts, ends = [word.start for word in words], [word.end for word in words]
    for clip in clips:
        index = item_at(clip.frame_times(), starts, ends)
        store.write(out / f"{clip.name}.h5", rows, index)

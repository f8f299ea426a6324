"""The text feature: one vector per word, and for each frame the word spoken at its time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rjcma import store
from rjcma.manifest import Clip
from rjcma.speech.words import read
from rjcma.text.embedding import Vectors, embedder
from rjcma.text.settings import Text
from rjcma.timeline import item_at


def embed_video(settings: Text, clips: Sequence[Clip], transcript: Path, out: Path) -> None:
    """Write `out/<clip>.h5` for each clip of a video, from the video's transcript.

    All words are read together; a clip that is a stretch of the video keeps its own words only.

    Rows are (W, D) float32, the index (T,) is each frame's word, -1 if nobody speaks.
    """
    words = read(transcript)
    rows = embedder(settings).embed([word.text for word in words])
    starts, ends = [word.start for word in words], [word.end for word in words]
    for clip in clips:
        index = item_at(clip.frame_times(), starts, ends)
        path = out / f"{clip.name}.h5"
        if clip.stretch:
            store.write(path, *_spoken_within(rows, index))
        else:
            store.write(path, rows, index)


def _spoken_within(rows: Vectors, index: NDArray[np.int32]) -> tuple[Vectors, NDArray[np.int32]]:
    """Only the rows from the first word of these frames to the last, and the index into them."""
    used = index[index >= 0]
    first, beyond = (int(used.min()), int(used.max()) + 1) if used.size else (0, 0)
    return rows[first:beyond], np.where(index >= 0, index - first, -1).astype(np.int32)

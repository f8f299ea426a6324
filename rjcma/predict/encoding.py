"""Run an encoder once over a clip, as stage `encode` does, with its progress shown."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from rjcma.encoders.encode import PreparedEncoder
from rjcma.encoders.settings import Encoded, Encoders
from rjcma.jobs.progress import watched
from rjcma.manifest import Clip
from rjcma.store import FeatureReader

_loading = threading.Lock()


def encode(
    modality: Encoded, settings: Encoders, seed: int, folder: Path, clip: Clip, path: Path
) -> None:
    """Write the clip's vectors, as `rjcma.encoders.encode.encode_clip` does."""
    with _loading:  # two threads would draw random weights from one generator
        encoder = _prepared(modality, settings, seed)
    with encoder.turn():
        encoder.write(folder, clip, path)


@functools.lru_cache(maxsize=1)
def _prepared(modality: Encoded, settings: Encoders, seed: int) -> _Watched:
    return _Watched(modality, settings, seed)


class _Watched(PreparedEncoder):
    """An encoder that shows how many batches it has run."""

    def _batches(self, values: FeatureReader) -> Iterator[Tensor]:
        total = -(-values.frames // self.batch)
        what = f"{values.clip}: {self.modality}"
        yield from watched(what, total, "step", super()._batches(values))

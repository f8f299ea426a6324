"""While clips are encoded, progress is shown, and a single one has all cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from torch import Tensor

from rjcma import device
from rjcma.encoders import inference
from rjcma.encoders.encode_all import MODEL_MEMORY
from rjcma.encoders.settings import Encoded, Encoders, Transformers
from rjcma.jobs.progress import watched
from rjcma.jobs.workers import DEFAULT, Needs, room


def alone(modality: Encoded, settings: Encoders, *_: object) -> AbstractContextManager[None]:
    """While a single clip is encoded: its parts run side by side, on a CPU."""
    on_cpu = device.choose(settings.device, "encoders.device").type == "cpu"
    large = isinstance(getattr(settings, modality), Transformers)
    return inference.in_parts(
        room(Needs(MODEL_MEMORY) if large else DEFAULT) if on_cpu else 1, _shown
    )


def among(*_: object) -> AbstractContextManager[None]:
    """While several clips are encoded side by side."""
    return inference.in_parts(1, _shown)


def _shown(what: str, parts: int, values: Iterator[Tensor]) -> Iterator[Tensor]:
    return watched(what, parts, "step", values)

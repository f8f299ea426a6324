"""Section `windows` of the params file, and the windows that clips are cut into."""

from __future__ import annotations

from typing import Literal, NamedTuple

from numpy.random import Generator
from pydantic import Field

from rjcma.params import Section


class Windows(Section):
    """Sub-sequences of a clip (paper, section 4.2.1)."""

    frames: int = Field(300, ge=1)
    """The paper's K."""
    stride: int = Field(200, ge=1)
    """Frames between the starts of windows (the paper's)."""
    offsets: Literal["fixed", "random"] = "fixed"
    """Of training windows: fixed (the paper), or as many at random places, every epoch anew (ours:
    K x K weights overfit when windows are few and at fixed places). Validation is always fixed."""


class Window(NamedTuple):
    """Frames `start` to `stop` of a clip."""

    start: int
    stop: int


class ClipWindow(NamedTuple):
    """Frames `start` to `stop` of the clip of this name."""

    clip: str
    start: int
    stop: int


def fixed(frames: int, settings: Windows) -> list[Window]:
    """Windows every `stride` frames, and one more from the end where the last does not reach it.

    A clip shorter than a window is one window of its own length, to be padded.

    >>> fixed(501, Windows())
    [Window(start=0, stop=300), Window(start=200, stop=500), Window(start=201, stop=501)]
    """
    if frames <= settings.frames:
        return [Window(0, frames)] if frames else []
    last = frames - settings.frames
    starts = list(range(0, last + 1, settings.stride))
    starts += [last] if starts[-1] < last else []
    return [Window(start, start + settings.frames) for start in starts]


def random(frames: int, settings: Windows, generator: Generator) -> list[Window]:
    """As many windows as `fixed` gives, each at any place in the clip with equal probability."""
    windows = fixed(frames, settings)
    last = max(frames - settings.frames, 0)
    starts = generator.integers(0, last, len(windows), endpoint=True).tolist()
    return [Window(start, min(start + settings.frames, frames)) for start in sorted(starts)]

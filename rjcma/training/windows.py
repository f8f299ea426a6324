"""Section `windows` of the params file, and how clips are cut into windows."""

from __future__ import annotations

from typing import Literal, NamedTuple

from numpy.random import Generator
from pydantic import Field

from rjcma.params import Section


class Windows(Section):
    """Subsequences of a clip (paper, section 4.2.1)."""

    frames: int = Field(300, ge=1)
    """The paper's K, the length of a window."""
    stride: int = Field(200, ge=1)
    """Frames between the starts of windows (the paper's)."""
    offsets: Literal["fixed", "random"] = "fixed"
    """Positions of training windows: fixed (the paper), or random, with new positions and the same
    number of windows in every epoch (ours: K x K weights overfit when windows are few and fixed).
    For validation, windows are always fixed."""


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
    """Windows every `stride` frames, plus one that ends with the clip if the last ends earlier.

    A clip shorter than a window gives one window of its own length, which is padded later.

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
    """As many windows as `fixed` gives, at uniformly random positions in the clip."""
    windows = fixed(frames, settings)
    last = max(frames - settings.frames, 0)
    starts = generator.integers(0, last, len(windows), endpoint=True).tolist()
    return [Window(start, min(start + settings.frames, frames)) for start in sorted(starts)]

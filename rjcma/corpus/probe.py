"""What decoding a video tells of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Probe(BaseModel):
    """What decoding a video told."""

    model_config = ConfigDict(frozen=True)

    digest: str
    decoded: int
    fps: float
    times: tuple[float, ...] | None
    falling: bool
    """Whether frame times fall back somewhere: they are then not used."""
    sound: bool
    damaged: int
    """Packets that could not be read whole, or decoded."""
    cut: bool
    """Whether the file ends before what its container lists, or within a packet."""
    declared: float | None
    """Seconds that the video lasts according to its container."""

"""The properties of a video that are found by decoding it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Probe(BaseModel):
    """The properties of a video, found by decoding it."""

    model_config = ConfigDict(frozen=True)

    digest: str
    decoded: int
    fps: float
    times: tuple[float, ...] | None
    falling: bool
    """Whether frame times go backwards somewhere; then they are not used."""
    sound: bool
    damaged: int
    """The number of packets that are incomplete or could not be decoded."""
    cut: bool
    """Whether the file ends within a packet, or before the last one that its container lists."""
    declared: float | None
    """The duration in seconds that the container declares."""

"""A clip of the manifest for tests, with values for all fields that a test does not name."""

from __future__ import annotations

from typing import Any

from rjcma.manifest import Clip


def clip(name: str = "anna", frames: int = 7, partition: str = "train", **other: Any) -> Clip:
    """A clip with its own video, at 30 frames per second."""
    record = {
        "name": name,
        "video": name,
        "partition": partition,
        "fps": 30,
        "frames": frames,
        "file": f"videos/{name}.mp4",
        "video_digest": "0",
        "decoded": frames,
        "times": None,
        "faces": None,
        "faces_digest": "",
        "sound": True,
    }
    return Clip(**{**record, **other})

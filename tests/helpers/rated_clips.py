"""A tiny clip, files of annotations, and the labels that are read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from rjcma.annotations.read import Rated, read
from rjcma.annotations.settings import Annotations
from rjcma.annotations.times import Rating
from rjcma.params import checked


def settings(section: str | Mapping[str, Any]) -> Any:
    """Settings from YAML or plain values, as the params file would have them."""
    values = YAML(typ="safe").load(section) if isinstance(section, str) else section
    return checked(Annotations, values, "corpus.annotations", "params.yaml")


def rating(root: Path, frames: int = 4, fps: float = 4.0, **changes: Any) -> Rating:
    """The clip `c1`: a whole video of this many frames."""
    whole = {"clip": "c1", "annotation": "", "start": 0.0, "video_seconds": frames / fps}
    times = np.arange(frames) / fps
    return Rating(**{"root": root, "times": times, "fps": fps, **whole, **changes})


def labels(
    root: Path,
    contents: Mapping[str, str | bytes],
    section: str | Mapping[str, Any],
    targets: Sequence[str] = ("arousal",),
    **clip: Any,
) -> Rated:
    """Write files, and read the clip's labels from them."""
    for path, content in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(rating(root, **clip), settings(section), targets)

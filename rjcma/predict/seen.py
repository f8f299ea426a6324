"""The faces that were seen in a video, on disk: the tracks of all people, as numbers.

They are kept so that another person of the video can be chosen without looking again.
"""

from __future__ import annotations

from array import array
from pathlib import Path

import h5py
import numpy as np

from rjcma.vision.finding import Seen
from rjcma.vision.looks import COLOURS, TEXTURES
from rjcma.vision.tracks import VALUES, Track


def write(path: Path, seen: Seen) -> None:
    """Write tracks: `frames` (n,), `values` (n, VALUES), and per track `counts` and `looks`."""
    tracks = seen.tracks
    with h5py.File(path, "w") as file:
        none = np.empty(0, np.int64)
        file["frames"] = np.concatenate([none, *(np.array(t.frames, np.int64) for t in tracks)])
        file["values"] = np.concatenate([np.empty((0, VALUES)), *(t.faces for t in tracks)])
        file["counts"] = np.array([len(t.frames) for t in tracks], np.int64)
        file["scenes"] = np.array([t.scene for t in tracks], np.int64)
        file["looks"] = np.array([t.looks for t in tracks]).reshape(-1, COLOURS + TEXTURES)
        file.attrs["seen"] = np.array([seen.frames, *seen.size], np.int64)


def read(path: Path) -> Seen:
    """What `write` wrote."""
    with h5py.File(path, "r") as file:
        frames, values = file["frames"][...], file["values"][...]
        counts, scenes, looks = file["counts"][...], file["scenes"][...], file["looks"][...]
        number, width, height = file.attrs["seen"].tolist()
    stops = np.cumsum(counts)
    tracks = [
        Track(
            array("q", frames[stop - count : stop].tolist()),
            array("d", values[stop - count : stop].ravel().tolist()),
            look,
            scene,
        )
        for count, stop, look, scene in zip(counts.tolist(), stops.tolist(), looks, scenes.tolist())
    ]
    return Seen(tracks, number, (width, height))

"""Computes the fusion's attention for a clip: the correlation matrices of trained networks."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from rjcma import device
from rjcma.attention import stored
from rjcma.attention.stored import CELLS, Attention, as_bytes, reduced
from rjcma.encoders.inference import one_core_a_thread
from rjcma.fusion.correlations import has_correlations, recorded
from rjcma.manifest import Clip
from rjcma.training.batches import batches
from rjcma.training.clip_data import ClipData, open_all
from rjcma.training.loader import Loader
from rjcma.training.network import crop_size, input_shapes
from rjcma.training.saved import Saved, load_run
from rjcma.training.windows import ClipWindow, Window, fixed

KEPT = 8
"""Networks that stay in memory for further clips: one for each target (ours)."""

BATCH = 4
"""Windows computed at a time (ours): their matrices take 1 MB a window and recursion."""


_loading, _recording = threading.Lock(), threading.Lock()
"""Threads share networks, and what is recorded of one must not be another thread's pass."""


class Network(NamedTuple):
    """The run whose attention for a clip is shown."""

    target: str
    fold: int
    trained: bool
    """Whether it was trained on the clip."""
    folder: Path


def attend(
    folders: Mapping[str, Path],
    limit: int | None,
    device_name: str,
    clip: Clip,
    networks: Sequence[Network],
    path: Path,
) -> None:
    """Write the attention of these networks for a clip; `folders` has the features by modality.

    At most `limit` windows are kept. Raises `Problem` for features that are missing or do not fit.
    """
    found = [
        attention(folders, limit, device_name, clip, Network(*network)) for network in networks
    ]
    stored.write(path, found)


def attention(
    folders: Mapping[str, Path],
    limit: int | None,
    device_name: str,
    clip: Clip,
    network: Network,
) -> Attention:
    """The attention of one network for a clip, as `attend` writes it."""
    with _loading:
        saved = _loaded(network.folder, device_name)
    settings = saved.settings
    windows = fixed(clip.frames, settings.windows)
    kept = spread(windows, limit) if has_correlations(saved.network.fusion) else []
    step = math.ceil(min(clip.frames, settings.windows.frames) / CELLS)
    cells = math.ceil(min(clip.frames, settings.windows.frames) / step)
    shape = (len(kept), settings.recursions, len(settings.modalities), cells, cells)
    matrices = np.zeros(shape) if not kept else _matrices(saved, clip, folders, kept, step)
    return Attention(
        network.target,
        network.fold,
        network.trained,
        settings.fusion.kind,
        tuple(settings.modalities),
        step,
        len(windows),
        np.array(kept, np.int32).reshape(-1, 2),
        as_bytes(matrices),
    )


def spread(windows: Sequence[Window], limit: int | None) -> list[Window]:
    """At most `limit` of the windows, spread evenly; all if there is no limit.

    >>> [w.start for w in spread([Window(n, n + 1) for n in range(10)], 3)]
    [0, 4, 9]
    """
    if limit is None or limit >= len(windows):
        return list(windows)
    chosen = np.linspace(0, len(windows) - 1, limit).astype(int)
    return [windows[n] for n in chosen]


def _matrices(
    saved: Saved, clip: Clip, folders: Mapping[str, Path], windows: Sequence[Window], step: int
) -> NDArray[np.float64]:
    """C_m of each window, recursion and modality, reduced: (W, L, M, n, n)."""
    data = open_all([clip], folders, input_shapes(saved.settings), None, "")
    found = [
        matrices
        for group in batches(windows, BATCH)
        for matrices in _of_batch(saved, data[0], group, step)
    ]
    return np.stack(found)


def _of_batch(
    saved: Saved, data: ClipData, windows: Sequence[Window], step: int
) -> list[NDArray[np.float64]]:
    """The matrices (L, M, n, n) of each of these windows."""
    network, frames = saved.network, saved.settings.windows.frames
    chosen = next(network.parameters()).device
    asked = [ClipWindow(data.clip.name, *window) for window in windows]
    fusion: Any = network.fusion
    with (
        _recording,
        Loader([data], frames, chosen, workers=0) as loader,
        one_core_a_thread(),
        torch.inference_mode(),
        recorded(fusion) as correlations,
    ):
        (batch,) = loader.load([asked])
        network(batch.values(crop_size(network)), batch.valid)
        whole = np.stack(
            [[c.double().cpu().numpy() for c in step.values()] for step in correlations]
        )
    length = max(stop - start for start, stop in windows)  # the same for all, or a short clip's
    return [reduced(whole[:, :, n, :length, :length], step) for n in range(len(windows))]


@functools.lru_cache(maxsize=KEPT)
def _loaded(folder: Path, device_name: str) -> Saved:
    """A run's network, on the device; a worker uses the same ones for many clips."""
    saved = load_run(folder)
    saved.network.to(device.choose(device_name))
    return saved

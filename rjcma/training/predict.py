"""A prediction for every frame of a clip, and the CCC of predictions with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rjcma.concordance import ccc_labelled
from rjcma.fusion.network import Network
from rjcma.training.batches import batches
from rjcma.training.clip_data import ClipData
from rjcma.training.loader import Loader
from rjcma.training.network import crop_size
from rjcma.training.windows import ClipWindow, Windows, fixed

Series = NDArray[np.float32]


def predict(
    network: Network, clips: Sequence[ClipData], windows: Windows, batch_size: int, loader: Loader
) -> dict[str, Series]:
    """Predictions (T,) by clip, from fixed windows in batches; overlapping windows are averaged.

    The clips of `loader` must include these clips.
    """
    clip_windows = [
        ClipWindow(data.clip.name, *window)
        for data in clips
        for window in fixed(data.clip.frames, windows)
    ]
    groups = list(batches(clip_windows, batch_size))
    sums: dict[str, NDArray[Any]] = {d.clip.name: np.zeros((2, d.clip.frames)) for d in clips}
    face_size = crop_size(network)
    network.eval()
    with torch.inference_mode():
        for group, inputs in zip(groups, loader.load(groups), strict=True):
            outputs = network(inputs.values(face_size), inputs.valid).double().cpu().numpy()
            for (clip, start, stop), output in zip(group, outputs, strict=True):
                sums[clip][0, start:stop] += output[: stop - start]
                sums[clip][1, start:stop] += 1
    return {clip: (total / count).astype(np.float32) for clip, (total, count) in sums.items()}


def score(predictions: Mapping[str, Series], clips: Sequence[ClipData]) -> float:
    """CCC over the labelled frames of the clips, concatenated."""
    return ccc_labelled([predictions[d.clip.name] for d in clips], [d.labels for d in clips])

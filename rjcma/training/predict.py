"""A prediction for every frame of a clip, and how well predictions concord with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rjcma import concordance
from rjcma.fusion.network import Network
from rjcma.training.data import Piece, batches
from rjcma.training.loader import Loader
from rjcma.training.sources import Source
from rjcma.training.windows import Windows, fixed

Series = NDArray[np.float32]


def predict(
    network: Network, sources: Sequence[Source], windows: Windows, size: int, loader: Loader
) -> dict[str, Series]:
    """Predictions (T,) by clip, from fixed windows, `size` at a time; overlaps are averaged.

    `loader` is one of these sources, perhaps among others.
    """
    pieces = [Piece(s, window) for s in sources for window in fixed(s.clip.frames, windows)]
    groups = list(batches(pieces, size))
    sums: dict[str, NDArray[Any]] = {s.clip.name: np.zeros((2, s.clip.frames)) for s in sources}
    network.eval()
    with torch.inference_mode():
        for group, inputs in zip(groups, loader.load(groups), strict=True):
            outputs = network(inputs.values(), inputs.valid).double().cpu().numpy()
            for (source, (start, stop)), output in zip(group, outputs, strict=True):
                sums[source.clip.name][0, start:stop] += output[: stop - start]
                sums[source.clip.name][1, start:stop] += 1
    return {clip: (total / count).astype(np.float32) for clip, (total, count) in sums.items()}


def score(predictions: Mapping[str, Series], sources: Sequence[Source]) -> float:
    """CCC over the labelled frames of the sources, concatenated."""
    predicted = [predictions[s.clip.name][s.labelled] for s in sources]
    return concordance.ccc(
        np.concatenate(predicted), np.concatenate([s.labels[s.labelled] for s in sources])
    )

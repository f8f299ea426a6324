"""The delay of annotations: raters see, judge and move, which takes them one to six seconds.

With a delay of d seconds, the label of a frame at time t is the one that was given at t + d
(Mariooryad and Busso, 2015). Predictions are shifted back, so that they are scored against the
labels as they were given. The delay that fits best is found on training clips only: features at t
are regressed on labels at t + d, and the d with the highest correlation on groups of clips that the
regression has not seen is taken (ours).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from rjcma.store import FeatureReader
from rjcma.timeline import Seconds
from rjcma.training.clip_data import ClipData
from rjcma.training.settings import Training

Array = NDArray[np.float64]

LONGEST, STEP = 6.0, 0.2
"""Seconds: the delays that are tried (ours; raters lag by 1 to 6 s)."""
RATE = 5.0
"""Frames per second that are looked at (ours)."""
WIDTH, CELLS = 64, 6
"""Numbers per frame of a modality: projections of a vector, or cells of a picture's side (ours)."""
PARTS = 5
"""Groups of clips are divided into so many parts for the regression (ours)."""
RIDGE = 10.0
"""The ridge, relative to features of variance 1 (ours)."""
BLOCK = 256
"""Frames that are read at once (ours)."""


class Delay(NamedTuple):
    """A delay, and how well it fits."""

    seconds: Seconds
    correlation: float | None = None
    """Of regressed with given labels, about each clip's means; None if the delay was given."""
    without: float | None = None
    """The same without a delay."""


def delay_of(settings: Training, target: str, training: Sequence[ClipData]) -> Delay:
    """The delay of a target's annotations: as `training.delay` says, or the best on these clips."""
    if settings.delay == "best":
        return best(training)
    if isinstance(settings.delay, float):
        return Delay(settings.delay)
    return Delay(settings.delay.get(target, 0.0))


def earlier(data: ClipData, seconds: Seconds) -> ClipData:
    """A clip whose labels were given `seconds` later: that of frame t is the one at t + seconds.

    The last frames, whose labels would be beyond the end, are unlabelled.
    """
    if not seconds:
        return data
    times = data.clip.frame_times()
    labels = np.interp(times + seconds, times, data.labels, right=np.nan)
    return replace(data, labels=labels.astype(np.float32))


def later(predictions: NDArray[Any], times: Array, seconds: Seconds) -> NDArray[np.float32]:
    """Predictions (T,) shifted back by `seconds`; the first one stands until then.

    >>> later(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0]), 1.0).tolist()
    [1.0, 1.0, 2.0]
    """
    if not seconds:
        return predictions.astype(np.float32, copy=False)
    return np.interp(times - seconds, times, predictions).astype(np.float32)


def best(training: Sequence[ClipData]) -> Delay:
    """The delay with the highest correlation; 0 if no clip has a label that changes."""
    looked_at = [_Looked(data) for data in training if data.labelled.any()]
    groups = sorted({data.clip.together for data in training})
    parts = min(PARTS, len(groups))
    if parts < 2:
        return Delay(0.0)
    part = {group: number % parts for number, group in enumerate(groups)}
    delays = np.arange(round(LONGEST / STEP) + 1) * STEP
    found = [_correlation(looked_at, part, parts, float(d)) for d in delays]
    highest = int(np.argmax(found))
    return Delay(round(float(delays[highest]), 3), found[highest], found[0])


class _Looked:
    """Some frames of a clip: features about their means, (F, D), and the clip's labels."""

    def __init__(self, data: ClipData) -> None:
        self.group = data.clip.together
        self.times = data.clip.frame_times()
        self.labels = data.labels.astype(np.float64)
        step = max(1, round(data.clip.fps / RATE))
        self.frames = np.arange(0, data.clip.frames, step)
        columns = [_features(reader, self.frames) for reader in data.readers.values()]
        features = np.concatenate(columns, axis=1)
        self.features: Array = features - features.mean(axis=0)

    def labelled(self, delay: Seconds) -> tuple[Array, Array]:
        """Features and labels of the frames that have one with this delay, labels about 0."""
        times = self.times[self.frames]
        labels = np.interp(times + delay, self.times, self.labels, right=np.nan)
        known = ~np.isnan(labels)
        return self.features[known], labels[known] - (labels[known].mean() if known.any() else 0)


def _correlation(
    clips: Sequence[_Looked], part: dict[str, int], parts: int, delay: Seconds
) -> float:
    """The correlation of labels with those that ridge regression gives for clips unseen by it."""
    samples = [(part[clip.group], *clip.labelled(delay)) for clip in clips]
    width = samples[0][1].shape[1] if samples else 0
    products = np.zeros((parts, width, width))
    sums = np.zeros((parts, width))
    for number, features, labels in samples:
        products[number] += features.T @ features
        sums[number] += features.T @ labels
    deviation = np.sqrt(np.diagonal(products.sum(0)) / max(sum(len(s[2]) for s in samples), 1))
    ridge = RIDGE * np.diag(np.maximum(deviation, 1e-12) ** 2)
    weights = [
        np.linalg.solve(products.sum(0) - products[n] + ridge, sums.sum(0) - sums[n])
        for n in range(parts)
    ]
    given = np.concatenate([labels for _, _, labels in samples])
    regressed = np.concatenate([features @ weights[n] for n, features, _ in samples])
    scale = np.sqrt((given**2).sum() * (regressed**2).sum())
    return float((given * regressed).sum() / scale) if scale > 0 else 0.0


def _features(reader: FeatureReader, frames: NDArray[np.int64]) -> Array:
    """A modality's features of these frames, (F, D): a vector, a spectrum or a small picture."""
    blocks = [
        _narrow(reader.take(frames[start : start + BLOCK]), reader.value_shape)
        for start in range(0, len(frames), BLOCK)
    ]
    return np.concatenate(blocks)


def _narrow(values: NDArray[Any], shape: tuple[int, ...]) -> Array:
    values = values.astype(np.float64)
    if len(shape) == 3:  # a picture: the grey of its cells
        grey, side = values.mean(axis=3), shape[0] // CELLS * CELLS
        cells = grey[:, :side, :side].reshape(len(values), CELLS, side // CELLS, CELLS, -1)
        return cells.mean(axis=(2, 4)).reshape(len(values), -1)
    if len(shape) == 2:  # a log-mel window: its mean spectrum
        return values.mean(axis=1)
    if shape[0] <= WIDTH:
        return values
    generator = default_rng(zlib.crc32(b"projection of a vector"))
    return values @ (generator.standard_normal((shape[0], WIDTH)) / np.sqrt(shape[0]))

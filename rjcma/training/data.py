"""Windows on their way to the network: read as rows and indices, gathered on the device.

A batch carries each window's rows once, however many frames share them, and the place of each
frame's value among them; only valid frames have a place, so padding exists in no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from rjcma.store import Track
from rjcma.training import views
from rjcma.training.sources import Source
from rjcma.training.windows import Window

T = TypeVar("T")


class Piece(NamedTuple):
    """A window of a clip."""

    source: Source
    window: Window


@dataclass(frozen=True)
class Batch:
    """B windows, padded to K frames, N of whose B x K frames are valid."""

    rows: dict[str, Tensor]
    """A modality's rows of all windows, one window after another, (R, ...)."""
    index: dict[str, Tensor]
    """The first row of each valid frame's value, (N,); -1 where the value is zeros."""
    spans: dict[str, int]
    lengths: list[int]
    """Valid frames of each window; they stand before the padding."""
    truth: Tensor
    """Labels (B, K), NaN where unlabelled and where padded."""
    valid: Tensor
    """(B, K), true where not padded."""

    def to(self, device: torch.device) -> Batch:
        """The batch on a device: rows travel as they are stored, and are gathered there."""
        rows = {m: tensor.to(device, non_blocking=True) for m, tensor in self.rows.items()}
        index = {m: tensor.to(device, non_blocking=True) for m, tensor in self.index.items()}
        truth, valid = self.truth.to(device), self.valid.to(device)
        return Batch(rows, index, self.spans, self.lengths, truth, valid)

    def values(self, generator: np.random.Generator | None = None) -> dict[str, Tensor]:
        """What the network takes: the valid frames' values by modality, (N, ...).

        Faces are cropped and scaled: with a generator at random (training), else from the centre.
        """
        gathered = {m: gather(self.rows[m], self.index[m], self.spans[m]) for m in self.rows}
        return {
            m: views.faces(values, self.lengths, generator) if views.are_faces(values) else values
            for m, values in gathered.items()
        }


def gather(rows: Tensor, index: Tensor, span: int) -> Tensor:
    """Values from rows and index, as `rjcma.store.gather` does, on whatever device they are.

    (N, ...) or, with a span, (N, span, ...); zeros where the index is -1.
    """
    if not len(rows):
        rows = rows.new_zeros(span, *rows.shape[1:])
    at = index.clamp(min=0)
    values = rows[at] if span == 1 else rows[at[:, None] + torch.arange(span, device=at.device)]
    absent = (index < 0).view(-1, *[1] * (values.dim() - 1))
    return values.masked_fill(absent, 0)


def batch(pieces: Sequence[Piece], frames: int) -> Batch:
    """The batch of these windows, each padded to `frames`."""
    lengths = [window.stop - window.start for _, window in pieces]
    valid = torch.arange(frames) < torch.tensor(lengths)[:, None]
    truth = torch.full((len(pieces), frames), torch.nan)
    for row, (source, window) in enumerate(pieces):
        truth[row, : lengths[row]] = torch.from_numpy(source.labels[window.start : window.stop])
    tracks = {m: [piece.source.tracks[m] for piece in pieces] for m in pieces[0].source.tracks}
    windows = [window for _, window in pieces]
    read = {m: _read(tracks[m], windows) for m in tracks}
    rows, index = ({m: pair[n] for m, pair in read.items()} for n in (0, 1))
    return Batch(rows, index, {m: tracks[m][0].span for m in tracks}, lengths, truth, valid)


def batches(pieces: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in groups of `size`; the last may be smaller."""
    iterator = iter(pieces)
    while group := list(islice(iterator, size)):
        yield group


def frame_moments(tracks: Iterable[Track]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a vector feature, (D,) each, over all frames that have one.

    A dimension that never varies, and a feature that no frame has, get a deviation of 1.
    """
    count, total, squares = 0, np.zeros(()), np.zeros(())
    for track in tracks:
        index = track.index[track.index >= 0]
        rows = np.asarray(track.rows[...], np.float64)
        weights = np.bincount(index, minlength=len(rows)).astype(np.float64)
        count += len(index)
        total, squares = total + weights @ rows, squares + weights @ rows**2
    mean = total / max(count, 1)
    deviation = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0))
    deviation[deviation <= 1e-6 * np.abs(mean)] = 1  # what rounding leaves of no variance
    return torch.from_numpy(mean).float(), torch.from_numpy(deviation).float()


def _read(tracks: Sequence[Track], windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
    """Rows of all windows, and each frame's place among them."""
    rows, places, before = [], [], 0
    for track, window in zip(tracks, windows, strict=True):
        piece, index = track.ranged(window.start, window.stop)
        rows.append(torch.from_numpy(np.asarray(piece)))
        places.append(torch.from_numpy(np.where(index >= 0, index + before, -1)))
        before += len(piece)
    return torch.cat(rows), torch.cat(places).long()

"""Windows on their way to the network: read as rows and indices, gathered on the device.

A batch carries each row once, however many frames and windows share it, and the place of each
frame's value among them; only valid frames have a place, so padding exists in no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from rjcma.store import Track
from rjcma.training import views
from rjcma.training.rows import read
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
    """A modality's rows of all windows, (R, ...); windows that overlap in a clip share theirs."""
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
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The batch in memory from which a GPU copies by itself."""
        return self._each(Tensor.pin_memory)

    def tensors(self) -> list[Tensor]:
        """All that travels."""
        return [*self.rows.values(), *self.index.values(), self.truth, self.valid]

    def __reduce__(self):  # type: ignore[no-untyped-def]  # the return type of pickle's protocol
        """Between processes all tensors travel as one: each that is sent costs a connection."""
        tensors = self.tensors()
        layouts = [(tensor.dtype, tensor.shape) for tensor in tensors]
        return _unpacked, (_packed(tensors), layouts, list(self.rows), self.spans, self.lengths)

    def _each(self, moved: Callable[[Tensor], Tensor]) -> Batch:
        rows = {m: moved(tensor) for m, tensor in self.rows.items()}
        index = {m: moved(tensor) for m, tensor in self.index.items()}
        return replace(
            self, rows=rows, index=index, truth=moved(self.truth), valid=moved(self.valid)
        )

    def values(self, draws: views.Draws | None = None) -> dict[str, Tensor]:
        """What the network takes: the valid frames' values by modality, (N, ...).

        Faces are cropped and scaled: as drawn, a draw a window (training), else from the centre.
        """
        gathered = {m: gather(self.rows[m], self.index[m], self.spans[m]) for m in self.rows}
        return {
            m: views.faces(values, self.lengths, draws) if views.are_faces(values) else values
            for m, values in gathered.items()
        }


def gather(rows: Tensor, index: Tensor, span: int) -> Tensor:
    """Values from rows and index, as `rjcma.store.gather` does, on whatever device they are.

    (N, ...) or, with a span, (N, span, ...); zeros where the index is -1.
    """
    shape = rows.shape[1:] if span == 1 else (span, *rows.shape[1:])
    width = math.prod(rows.shape[1:])
    nothing = rows.new_zeros(span, *rows.shape[1:])  # what an absent value is gathered from
    runs = torch.cat([rows, nothing]).view(-1).unfold(0, span * width, width)
    at = torch.where(index < 0, len(rows), index)
    return runs.index_select(0, at).view(-1, *shape)


def batch(pieces: Sequence[Piece], frames: int) -> Batch:
    """The batch of these windows, each padded to `frames`."""
    lengths = [window.stop - window.start for _, window in pieces]
    valid = torch.arange(frames) < torch.tensor(lengths)[:, None]
    truth = torch.full((len(pieces), frames), torch.nan)
    for row, (source, window) in enumerate(pieces):
        truth[row, : lengths[row]] = torch.from_numpy(source.labels[window.start : window.stop])
    tracks = {m: [piece.source.tracks[m] for piece in pieces] for m in pieces[0].source.tracks}
    windows = [window for _, window in pieces]
    pairs = {m: read(tracks[m], windows) for m in tracks}
    rows, index = ({m: pair[n] for m, pair in pairs.items()} for n in (0, 1))
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


ALIGNED = 8
"""Bytes: tensors that lie in one buffer begin at multiples of the widest element's."""


def _packed(tensors: Sequence[Tensor]) -> Tensor:
    """The bytes of all tensors, one after another."""
    places = list(accumulate((_room(tensor.nbytes) for tensor in tensors), initial=0))
    buffer = torch.empty(places[-1], dtype=torch.uint8)
    for tensor, at in zip(tensors, places, strict=False):
        buffer[at : at + tensor.nbytes] = tensor.contiguous().view(-1).view(torch.uint8)
    return buffer


def _unpacked(
    buffer: Tensor,
    layouts: Sequence[tuple[torch.dtype, torch.Size]],
    modalities: Sequence[str],
    spans: dict[str, int],
    lengths: list[int],
) -> Batch:
    """The batch whose tensors lie in the buffer."""
    tensors, at = [], 0
    for dtype, shape in layouts:
        size = shape.numel() * dtype.itemsize
        tensors.append(buffer[at : at + size].view(dtype).view(shape))
        at += _room(size)
    count = len(modalities)
    rows = dict(zip(modalities, tensors[:count], strict=True))
    index = dict(zip(modalities, tensors[count : 2 * count], strict=True))
    truth, valid = tensors[2 * count :]
    return Batch(rows, index, spans, lengths, truth, valid)


def _room(size: int) -> int:
    """The bytes that so many take up in a buffer."""
    return -(-size // ALIGNED) * ALIGNED

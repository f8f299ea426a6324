"""Windows on their way to the network: read as rows and indices, gathered on the device.

A batch carries each row once, however many frames and windows share it, and the place of each
frame's value among them; only valid frames have a place, so padding exists in no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from rjcma.gather import gather
from rjcma.store import FeatureReader
from rjcma.training.clip_data import ClipData
from rjcma.training.rows import read
from rjcma.training.windows import ClipWindow, Window
from rjcma.vision.augmentation import Augmentations, augmented, centred

T = TypeVar("T")


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

    def values(
        self, crop_size: int | None, augmentations: Augmentations | None = None
    ) -> dict[str, Tensor]:
        """What the network takes: the valid frames' values by modality, (N, ...).

        `crop_size` is the side, in pixels, of the faces that the visual encoder takes, None where
        vectors are read. Faces are cut as drawn, an augmentation a window (training), else from
        the centre, and scaled.
        """
        values = {m: gather(self.rows[m], self.index[m], self.spans[m]) for m in self.rows}
        if crop_size is not None and "visual" in values:
            crops = values["visual"]
            values["visual"] = (
                centred(crops, crop_size)
                if augmentations is None
                else augmented(crops, self.lengths, augmentations, crop_size)
            )
        return values


def batch(windows: Sequence[ClipWindow], clips: Mapping[str, ClipData], frames: int) -> Batch:
    """The batch of these windows, each padded to `frames`; `clips` are by name."""
    cuts = [Window(start, stop) for _, start, stop in windows]
    lengths = [stop - start for start, stop in cuts]
    valid = torch.arange(frames) < torch.tensor(lengths)[:, None]
    truth = torch.full((len(windows), frames), torch.nan)
    for row, (clip, start, stop) in enumerate(windows):
        truth[row, : lengths[row]] = torch.from_numpy(clips[clip].labels[start:stop])
    modalities = clips[windows[0].clip].readers
    readers = {m: [clips[window.clip].readers[m] for window in windows] for m in modalities}
    pairs = {m: read(readers[m], cuts) for m in modalities}
    rows, index = ({m: pair[n] for m, pair in pairs.items()} for n in (0, 1))
    return Batch(rows, index, {m: readers[m][0].span for m in modalities}, lengths, truth, valid)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in groups of `size`; the last may be smaller."""
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group


def frame_moments(readers: Iterable[FeatureReader]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a vector feature, (D,) each, over all frames that have one.

    A dimension that never varies, and a feature that no frame has, get a deviation of 1.
    """
    count, total, squares = 0, np.zeros(()), np.zeros(())
    for values in readers:
        index = values.index[values.index >= 0]
        rows = np.asarray(values.rows[...], np.float64)
        weights = np.bincount(index, minlength=len(rows)).astype(np.float64)
        count += len(index)
        total, squares = total + weights @ rows, squares + weights @ rows**2
    mean = total / max(count, 1)
    std = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0))
    std[std <= 1e-6 * np.abs(mean)] = 1  # what rounding leaves of no variance
    return torch.from_numpy(mean).float(), torch.from_numpy(std).float()


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

"""Batches of windows: read as rows and an index, and turned into values on the device.

Rows and index are those of `rjcma.store`. A batch contains each row once, even if many frames and
windows share it, and an index of the rows of each valid frame's value. Padded frames have no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from rjcma.encoders.sound import Sound
from rjcma.gather import gather
from rjcma.store import FeatureReader
from rjcma.training.clip_data import ClipData
from rjcma.training.rows import read
from rjcma.training.windows import ClipWindow, Window
from rjcma.vision.augmentation import Augmentations, augmented, centred

T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """B windows, padded to K frames each; N of the B x K frames are valid."""

    rows: dict[str, Tensor]
    """By modality, the rows of all windows, (R, ...); overlapping windows of a clip share rows."""
    index: dict[str, Tensor]
    """By modality, the first row of each valid frame's value, (N,); -1 where the value is zeros. Of
    sound, (N, 4): see `rjcma.encoders.sound`."""
    spans: dict[str, int]
    """By modality, the number of rows in a frame's value; 0 for sound."""
    lengths: list[int]
    """Valid frames of each window; they come before the padding."""
    truth: Tensor
    """Labels (B, K); NaN where unlabelled or padded."""
    valid: Tensor
    """(B, K), false where padded."""

    def to(self, device: torch.device) -> Batch:
        """The batch on a device. Rows are sent as they are stored; `values` gathers them there."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The batch in pinned memory, from which a GPU copies asynchronously."""
        return self._each(Tensor.pin_memory)

    def tensors(self) -> list[Tensor]:
        """All tensors of the batch."""
        return [*self.rows.values(), *self.index.values(), self.truth, self.valid]

    def __reduce__(self):  # type: ignore[no-untyped-def]  # the return type of pickle's protocol
        """Pickle all tensors as one: between processes, each tensor costs a connection."""
        tensors = self.tensors()
        layouts = [(tensor.dtype, tensor.shape) for tensor in tensors]
        return _unpacked, (_packed(tensors), layouts, list(self.rows), self.spans, self.lengths)

    def _each(self, move: Callable[[Tensor], Tensor]) -> Batch:
        rows = {m: move(tensor) for m, tensor in self.rows.items()}
        index = {m: move(tensor) for m, tensor in self.index.items()}
        return replace(self, rows=rows, index=index, truth=move(self.truth), valid=move(self.valid))

    def values(
        self, crop_size: int | None, augmentations: Augmentations | None = None
    ) -> dict[str, Any]:
        """The network's input: by modality, the values of the valid frames, (N, ...), or `Sound`.

        `crop_size` is the side, in pixels, of the visual encoder's input, or None if the visual
        features are vectors. Faces are cropped to this size and scaled: with `augmentations`, as
        each window's augmentation says (training); without, at the centre.
        """
        values = {m: self._value(m) for m in self.rows}
        if crop_size is not None and "visual" in values:
            crops = values["visual"]
            values["visual"] = (
                centred(crops, crop_size)
                if augmentations is None
                else augmented(crops, self.lengths, augmentations, crop_size)
            )
        return values

    def _value(self, modality: str) -> Any:
        rows, index, span = self.rows[modality], self.index[modality], self.spans[modality]
        return gather(rows, index, span) if span else Sound(rows, index, self.lengths)


def batch(windows: Sequence[ClipWindow], clips: Mapping[str, ClipData], frames: int) -> Batch:
    """The batch of these windows, each padded to `frames`; `clips` has their clips by name."""
    ranges = [Window(start, stop) for _, start, stop in windows]
    lengths = [stop - start for start, stop in ranges]
    valid = torch.arange(frames) < torch.tensor(lengths)[:, None]
    truth = torch.full((len(windows), frames), torch.nan)
    for row, (clip, start, stop) in enumerate(windows):
        truth[row, : lengths[row]] = torch.from_numpy(clips[clip].labels[start:stop])
    modalities = clips[windows[0].clip].readers
    readers = {m: [clips[window.clip].readers[m] for window in windows] for m in modalities}
    pairs = {m: read(readers[m], ranges) for m in modalities}
    rows, index = ({m: pair[n] for m, pair in pairs.items()} for n in (0, 1))
    return Batch(rows, index, {m: readers[m][0].span for m in modalities}, lengths, truth, valid)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in groups of `size`; the last may be smaller."""
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group


def frame_moments(readers: Iterable[FeatureReader]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a vector feature, (D,) each, over all frames that have it.

    The standard deviation is 1 for a dimension that is constant, and if no frame has the feature.
    """
    count, total, squares = 0, np.zeros(()), np.zeros(())
    for reader in readers:
        index = reader.index[reader.index >= 0]
        rows = np.asarray(reader.rows[...], np.float64)
        weights = np.bincount(index, minlength=len(rows)).astype(np.float64)
        count += len(index)
        total, squares = total + weights @ rows, squares + weights @ rows**2
    mean = total / max(count, 1)
    std = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0))
    std[std <= 1e-6 * np.abs(mean)] = 1  # zero but for rounding
    return torch.from_numpy(mean).float(), torch.from_numpy(std).float()


ALIGNMENT = 8
"""Bytes: in a buffer, each tensor begins at a multiple of the size of the largest element type."""


def _packed(tensors: Sequence[Tensor]) -> Tensor:
    """One buffer with the bytes of all tensors."""
    offsets = list(accumulate((_aligned(tensor.nbytes) for tensor in tensors), initial=0))
    buffer = torch.empty(offsets[-1], dtype=torch.uint8)
    for tensor, offset in zip(tensors, offsets, strict=False):
        buffer[offset : offset + tensor.nbytes] = tensor.contiguous().view(-1).view(torch.uint8)
    return buffer


def _unpacked(
    buffer: Tensor,
    layouts: Sequence[tuple[torch.dtype, torch.Size]],
    modalities: Sequence[str],
    spans: dict[str, int],
    lengths: list[int],
) -> Batch:
    """The batch whose tensors are in the buffer."""
    tensors, offset = [], 0
    for dtype, shape in layouts:
        size = shape.numel() * dtype.itemsize
        tensors.append(buffer[offset : offset + size].view(dtype).view(shape))
        offset += _aligned(size)
    count = len(modalities)
    rows = dict(zip(modalities, tensors[:count], strict=True))
    index = dict(zip(modalities, tensors[count : 2 * count], strict=True))
    truth, valid = tensors[2 * count :]
    return Batch(rows, index, spans, lengths, truth, valid)


def _aligned(size: int) -> int:
    """The size in bytes, rounded up to a multiple of `ALIGNMENT`."""
    return -(-size // ALIGNMENT) * ALIGNMENT

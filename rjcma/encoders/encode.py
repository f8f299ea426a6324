"""Computes an encoder's vector of every frame of a clip, once (mode precompute).

Black frames and silence are encoded like any other frame.
"""

from __future__ import annotations

import functools
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rjcma import device, store
from rjcma.encoders import backbones, inference, inputs
from rjcma.encoders.settings import Encoded, Encoders
from rjcma.gather import gather
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.vision import augmentation

_loading, _gpu = threading.Lock(), threading.Lock()


def encode_clip(
    modality: Encoded, settings: Encoders, seed: int, folder: Path, clip: Clip, path: Path
) -> None:
    """Write the clip's vectors, (T, D) float32; `folder` holds its faces or log-mel windows.

    Raises `Problem` if the values do not suit the encoder, or if a vector is not finite.
    """
    with _loading:
        encoder = prepared(modality, settings, seed)
    with encoder.turn():
        encoder.write(folder, clip, path)


@functools.lru_cache(maxsize=1)
def prepared(modality: Encoded, settings: Encoders, seed: int) -> PreparedEncoder:
    """The encoder that the settings name, ready to run; the last one built stays in memory."""
    return PreparedEncoder(modality, settings, seed)


def side_by_side(modality: Encoded, settings: Encoders, *_: object) -> AbstractContextManager[None]:
    """While clips are encoded: on a CPU each thread uses one core; on a GPU nothing changes."""
    on_cpu = device.choose(settings.device, "encoders.device").type == "cpu"
    return inference.one_core_a_thread() if on_cpu else nullcontext()


class PreparedEncoder:
    """An encoder on its device, used for many clips."""

    def __init__(self, modality: Encoded, settings: Encoders, seed: int) -> None:
        """If the settings name no weights, random ones are drawn from the seed."""
        torch.manual_seed(seed)
        self.modality, self.batch, self.precision = modality, settings.batch, settings.precision
        self.device = device.choose(settings.device, "encoders.device")
        encoder = backbones.build(modality, getattr(settings, modality))
        self.input_shape: tuple[int, ...] = tuple(encoder.input_shape)  # type: ignore[arg-type]
        self.encoder: nn.Module = inference.prepared(encoder, self.device, self.precision)

    def turn(self) -> AbstractContextManager[object]:
        """On a GPU, only one clip is encoded at a time; on a CPU, clips are encoded in parallel."""
        return nullcontext() if self.device.type == "cpu" else _gpu

    def write(self, folder: Path, clip: Clip, path: Path) -> None:
        """Write a clip's vectors."""
        values = inputs.reader(folder, clip, self.modality)
        inputs.refuse_other_inputs(values, self.modality, self.input_shape)
        batches = range(0, values.frames, self.batch)
        run = functools.partial(self._encoded, values)
        # All batches of a clip are sent to a GPU before the single wait, in `.cpu()`.
        vectors = list(inference.each(f"{values.clip}: {self.modality}", run, batches))
        rows = torch.cat(vectors).cpu().numpy()
        values.close()
        if not np.isfinite(rows).all():
            raise self._not_finite(values)
        store.write(path, rows)

    def _encoded(self, values: store.FeatureReader, start: int) -> Tensor:
        """The vectors of the batch that begins with this frame, on the device."""
        rows, index = values.ranged(start, min(start + self.batch, values.frames))
        with inference.running(self.device, self.precision):
            frames = gather(self._to_device(rows), self._to_device(index).long(), values.span)
            if self.modality == "visual":
                frames = augmentation.centred(frames, self.input_shape[-1])
            return self.encoder(frames).float()

    def _to_device(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def _not_finite(self, values: store.FeatureReader) -> Problem:
        return Problem(
            clip=values.clip,
            file=values.path,
            found=f"a vector that is not finite, computed in {self.precision}",
            expected="finite numbers",
            cure="look for values in this file that are not finite; if there are none, set"
            " encoders.precision to fp32",
        )

"""Computes an image model's vector of every frame of a clip, once.

Frames without a face have the vector of a black crop, which is computed once for all of them.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rjcma import device, store
from rjcma.encoders import inference, inputs
from rjcma.encoders.image_model import ImageModel
from rjcma.encoders.settings import Encoders, TransformersVisual
from rjcma.jobs.progress import say
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.vision import augmentation

AT_ONCE = 16
"""Crops that go through the model at once on a CPU (ours: larger batches are not faster, and each
takes up to 4 MB in a layer of a model of base size)."""

WRITTEN = 4096
"""Frames whose vectors are written at a time (ours), so that a clip's are held only once."""

SMALLEST = 8  # pixels: a smaller crop is none (ours)

_loading, _gpu, _saying = threading.Lock(), threading.Lock(), threading.Lock()


def encode_clip(modality: str, settings: Encoders, folder: Path, clip: Clip, path: Path) -> None:
    """Write the clip's vectors, (T, D) float32; `folder` holds its faces.

    Raises `Problem` for a model that cannot be used, and if a vector is not finite.
    """
    with _loading:
        encoder = prepared(settings)
    if encoder.device.type == "cpu":
        encoder.write(folder, clip, path)
    else:
        with _gpu:  # one clip at a time
            encoder.write(folder, clip, path)


@functools.lru_cache(maxsize=1)
def prepared(settings: Encoders) -> FaceEncoder:
    """The image model that the settings name, ready to run; the last one stays in memory."""
    return FaceEncoder(settings)


class FaceEncoder:
    """An image model on its device, used for many clips."""

    def __init__(self, settings: Encoders) -> None:
        assert isinstance(settings.visual, TransformersVisual)
        self.device = device.choose(settings.device, "encoders.device")
        self.precision = settings.precision
        on_cpu = self.device.type == "cpu"
        self.batch = min(AT_ONCE, settings.batch) if on_cpu else settings.batch
        self.model = ImageModel(settings.visual).to(self.device)
        self._said = False

    def write(self, folder: Path, clip: Clip, path: Path) -> None:
        """Write a clip's vectors."""
        values = inputs.reader(folder, clip, "visual")
        inputs.refuse_other_inputs(values, "visual", (3, SMALLEST, SMALLEST))
        self._say_size(values.value_shape[0])
        # All crops, in order, and then a black one.
        batches = [*range(0, len(values.rows), self.batch), None]
        run = functools.partial(self._encoded, values)
        on_device, done = torch.empty(len(values.rows) + 1, self.model.width, device=self.device), 0
        for vectors in inference.each(f"{values.clip}: visual", run, batches):
            on_device[done : done + len(vectors)] = vectors
            done += len(vectors)
        rows = on_device.cpu().numpy()
        index = np.where(values.index >= 0, values.index, len(rows) - 1)  # the last one is black
        values.close()
        if not np.isfinite(rows).all():
            raise self._not_finite(values)
        with store.create(path, (len(index), self.model.width), rows.dtype) as dataset:
            for start in range(0, len(index), WRITTEN):
                dataset[start : start + WRITTEN] = rows[index[start : start + WRITTEN]]

    def _encoded(self, values: store.FeatureReader, start: int | None) -> Tensor:
        """The vectors of the batch from this crop on, or of a black crop, on the device."""
        black = np.zeros((1, *values.value_shape), np.uint8)
        crops = black if start is None else values.rows[start : start + self.batch]
        with inference.running(self.device, self.precision):
            return self.model(self._scaled(crops)).float()

    def _scaled(self, crops: np.ndarray) -> Tensor:
        """The crops on the device, scaled to [-1, 1]."""
        tensor = torch.from_numpy(crops)
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        tensor = tensor.to(self.device, non_blocking=True)
        return augmentation.centred(tensor, crops.shape[1])

    def _say_size(self, size: int) -> None:
        """Say once that stored crops are resized, and that larger ones would show more."""
        own = self.model.size
        with _saying:
            if size == own or self._said:
                return
            self._said = True
        more = f"; faces.size: {own} would store larger ones" if size < own else ""
        say(f"encoders.visual: crops of {size} pixels are resized to the model's {own}{more}")

    def _not_finite(self, values: store.FeatureReader) -> Problem:
        half = self.precision != "fp32"
        return Problem(
            clip=values.clip,
            file=values.path,
            found=f"a vector that is not finite, computed in {self.precision}",
            expected="finite numbers",
            cure="set encoders.precision to fp32"
            if half
            else "name another model in encoders.visual.weights: its own weights give this",
        )

"""An encoder's vector of every frame of a clip, computed once (mode precompute).

Black frames and silence go through the encoder like any other frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rjcma import clipwise, device, store
from rjcma.audio.compact import WINDOW
from rjcma.clipwise import Job, digest_files
from rjcma.corpus.manifest import Clip
from rjcma.problem import Problem
from rjcma.training import backbones, inference, sources, views
from rjcma.training.data import gather
from rjcma.training.encoders import Encoded, Encoder, Encoders
from rjcma.vision.compact import SIZE

VERSION = 2
"""Raised when `write` gives other vectors for the same weights and values."""

FEATURES = {"visual": "faces", "audio": "logmel"}
"""What each modality's encoder looks at."""

SHAPES = {"faces": (3, SIZE, SIZE), "logmel": WINDOW}
"""Of what an encoder takes of a frame."""


class Encoding:
    """An encoder at work on one feature's folder; made once, called for each clip."""

    def __init__(self, modality: Encoded, settings: Encoders, seed: int, folder: Path) -> None:
        """`folder` holds the faces, for visual, or the log-mel windows, for audio."""
        torch.manual_seed(seed)
        self.device = device.choose(settings.device)
        self.precision = inference.resolved(settings.precision, self.device)
        chosen: Encoder = getattr(settings, modality)
        encoder = backbones.build(modality, chosen)
        self.identity = _identity(encoder, chosen.kind, self.precision)
        self.encoder = inference.prepared(encoder, self.device, self.precision)
        self.width = int(encoder.width)  # type: ignore[arg-type]
        self.feature, self.folder, self.batch = FEATURES[modality], folder, settings.batch

    def run(self, clips: Sequence[Clip], out: Path) -> None:
        """Write `out/<clip>.h5` for each clip, as far as it is not there; `Problems` if any fail.

        On a CPU clips are done side by side, a core each; on a GPU one after another.
        """
        on_cpu = self.device.type == "cpu"
        with inference.one_core_each() if on_cpu else nullcontext():
            clipwise.run(
                self.write,
                self.jobs(clips),
                out,
                ".h5",
                version=VERSION,
                settings=[self.identity],
                workers="threads" if on_cpu else "one",
            )

    def jobs(self, clips: Sequence[Clip]) -> list[Job]:
        """A job a clip, for `write`."""
        files = [self.folder / f"{clip.name}.h5" for clip in clips]
        there = [path for path in files if path.is_file()]
        digests = dict(zip(there, digest_files(there), strict=True))
        return [
            Job(clip.name, (clip,), (str(clip.frames), digests.get(path, "")))
            for clip, path in zip(clips, files, strict=True)
        ]

    def write(self, clip: Clip, path: Path) -> None:
        """Write the clip's vectors, (T, D) float32.

        Raises `Problem` for values that do not fit the encoder, and vectors that are not finite.
        """
        track = sources.track(self.folder, clip, self.feature)
        with inference.running(self.device, self.precision):
            # A GPU is handed a clip's batches one after another and waited for once, at the end.
            vectors = [self.encoder(values).float() for values in self._batches(track)]
            rows = torch.cat(vectors).cpu().numpy()
        track.close()
        if not np.isfinite(rows).all():
            raise self._spoilt(track)
        store.write(path, rows)

    def _batches(self, track: store.Track) -> Iterator[Tensor]:
        """What the encoder takes of the clip's frames, in order, on the device."""
        for start in range(0, track.frames, self.batch):
            pieces, index = track.ranged(start, min(start + self.batch, track.frames))
            rows, at = self._sent(pieces), self._sent(index)
            values = gather(rows, at.long(), track.span)
            seen = views.faces(values, [len(values)]) if views.are_faces(values) else values
            if tuple(seen.shape[1:]) != SHAPES[self.feature]:
                raise _misshapen(track, self.feature)
            yield seen

    def _sent(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def _spoilt(self, track: store.Track) -> Problem:
        return Problem(
            clip=track.clip,
            file=track.path,
            found=f"a vector that is not finite, computed in {self.precision}",
            expected="finite numbers",
            cure="look for such values in this file; if there are none, set encoders.precision"
            " to fp32",
        )


def _identity(encoder: nn.Module, kind: str, precision: str) -> str:
    """The digest of the encoder's weights, of what they are, and of how they are run."""
    digest = hashlib.blake2b(f"{kind} {precision}".encode(), digest_size=16)
    for name, value in encoder.state_dict().items():
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _misshapen(track: store.Track, feature: str) -> Problem:
    return Problem(
        clip=track.clip,
        file=track.path,
        found=f"values of shape {track.value_shape}",
        expected=sources.LOOKED_AT[feature],
        cure="run `dvc repro`, or correct faces.size",
    )

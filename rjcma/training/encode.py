"""An encoder's vector of every frame of a clip, computed once (mode precompute).

Black frames and silence go through the encoder like any other frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from rjcma import device, store
from rjcma.clipwise import Job, digest_files, digest_text
from rjcma.corpus.manifest import Clip
from rjcma.training import backbones, sources, views
from rjcma.training.data import gather
from rjcma.training.encoders import Encoded, Encoders

VERSION = 1
"""Raised when `write` gives other vectors for the same weights and values."""


class Encoding:
    """An encoder at work on one feature's folder; made once, called for each clip."""

    def __init__(self, modality: Encoded, settings: Encoders, seed: int, folder: Path) -> None:
        """`folder` holds the faces, for visual, or the log-mel windows, for audio."""
        torch.manual_seed(seed)
        self.device = device.choose(settings.device)
        encoder = backbones.build(modality, getattr(settings, modality))
        self.encoder: nn.Module = encoder.eval().to(self.device)
        self.feature = {"visual": "faces", "audio": "logmel"}[modality]
        self.folder, self.batch = folder, settings.batch

    def jobs(self, clips: Sequence[Clip]) -> list[Job]:
        """A job a clip, for `write`."""
        files = [self.folder / f"{clip.name}.h5" for clip in clips]
        there = [path for path in files if path.is_file()]
        digests = dict(zip(there, digest_files(there), strict=True))
        return [
            Job(clip.name, (clip,), (str(clip.frames), digests.get(path, "")))
            for clip, path in zip(clips, files, strict=True)
        ]

    def identity(self) -> str:
        """The digest of the encoder's weights and of what they are."""
        weights = {name: value.cpu() for name, value in self.encoder.state_dict().items()}
        return digest_text(type(self.encoder).__name__ + save(weights).hex())

    def write(self, clip: Clip, path: Path) -> None:
        """Write the clip's vectors, (T, D) float32. Raises `Problem` for values that do not fit."""
        track = sources.track(self.folder, clip, self.feature)
        width = int(self.encoder.width)  # type: ignore[arg-type]
        with store.create(path, (clip.frames, width), np.float32) as rows:
            for start in range(0, clip.frames, self.batch):
                stop = min(start + self.batch, clip.frames)
                rows[start:stop] = self._encoded(track, start, stop)
        track.close()

    def _encoded(self, track: store.Track, start: int, stop: int) -> np.ndarray:
        pieces, index = track.ranged(start, stop)
        rows, at = torch.from_numpy(pieces).to(self.device), torch.from_numpy(index)
        values = gather(rows, at.to(self.device).long(), track.span)
        seen = views.faces(values, [len(values)]) if views.are_faces(values) else values
        with torch.inference_mode():
            return self.encoder(seen).float().cpu().numpy()

"""Computes a speech model's vector of every frame of a video's clips, once.

The sound is read in chunks, so memory does not grow with its length. Silence is encoded like any
other sound.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rjcma import device, store
from rjcma.encoders import inference
from rjcma.encoders.chunks import Chunk, cut
from rjcma.encoders.placing import Placing, States, spans
from rjcma.encoders.settings import Encoders, TransformersAudio
from rjcma.encoders.speech_model import SMALL, Samples, SpeechModel, refuse_other_states
from rjcma.encoders.whole_norm import Statistics
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.wav import RATE, Wav

AT_ONCE = 8
"""Chunks that go through the model at once on a GPU (ours); on a CPU it is one."""

BLOCK = 60 * RATE
"""Samples that are read at a time to find their mean and variance (ours)."""

_loading, _gpu, _reading = threading.Lock(), threading.Lock(), threading.Lock()


def encode_video(
    modality: str, settings: Encoders, clips: Sequence[Clip], wav: Path, out: Path
) -> None:
    """Write `out/<clip>.h5` for each clip of a video, (T, D) float32, from the video's sound.

    Raises `Problem` for a model that cannot be used, for sound that is missing or no such file, and
    if a state is not finite.
    """
    with _loading:
        encoder = prepared(settings)
    with nullcontext() if encoder.device.type == "cpu" else _gpu, Wav(wav, clips[0].video) as sound:
        encoder.write(sound, clips, out)


@functools.lru_cache(maxsize=1)
def prepared(settings: Encoders) -> SoundEncoder:
    """The speech model that the settings name, ready to run; the last one stays in memory."""
    return SoundEncoder(settings)


class SoundEncoder:
    """A speech model on its device, used for many videos."""

    def __init__(self, settings: Encoders) -> None:
        assert isinstance(settings.audio, TransformersAudio)
        self.device = device.choose(settings.device, "encoders.device")
        self.precision = settings.precision
        self.at_once = 1 if self.device.type == "cpu" else AT_ONCE
        self.model = SpeechModel(settings.audio).to(self.device)

    def write(self, sound: Wav, clips: Sequence[Clip], out: Path) -> None:
        """Write the vectors of a video's clips."""
        grid, width = self.model.grid, self.model.width
        samples = max(sound.samples, grid.reach)  # shorter sound is followed by silence
        scale = _scale(sound) if self.model.is_scaled else Scale(0.0, 1.0)
        measured = self._measured(sound, samples, scale)
        with ExitStack() as files:
            placings = []
            for clip in clips:
                file = store.create(out / f"{clip.name}.h5", (clip.frames, width), np.float32)
                placed = spans(clip, grid.stride, grid.centre, grid.count(samples))
                placings.append(Placing(placed, files.enter_context(file)))
            chunks = [
                chunk
                for chunk in cut(samples, self.model.chunk, grid)
                if any(placing.needs(chunk.first, chunk.beyond) for placing in placings)
            ]
            for chunk, states in self._states(sound, chunks, scale, measured):
                for placing in placings:
                    placing.take(chunk.first, states)

    def _measured(self, sound: Wav, samples: int, scale: Scale) -> Statistics | None:
        """What the model's first norm needs to know of all the sound, if it is such a norm."""
        if self.model.norm is None:
            return None

        def read(start: int, stop: int) -> torch.Tensor:
            return torch.from_numpy(_read(sound, start, stop, scale))[None].to(self.device)

        with inference.running(self.device, self.precision):
            return self.model.norm.measure(read, samples)

    def _states(
        self, sound: Wav, chunks: Sequence[Chunk], scale: Scale, measured: Statistics | None
    ) -> Iterator[tuple[Chunk, States]]:
        """The states that are taken from each chunk."""
        parts: list[list[Chunk]] = []
        for _, alike in groupby(chunks, key=lambda chunk: chunk.stop - chunk.start):
            group = list(alike)
            parts += [group[at : at + self.at_once] for at in range(0, len(group), self.at_once)]
        run = functools.partial(self._of_part, sound, scale, measured)
        for part, results in zip(
            parts, inference.each(f"{sound.clip}: audio", run, parts), strict=True
        ):
            for chunk, states in zip(part, results, strict=True):
                yield chunk, self._taken(sound, chunk, states)

    def _of_part(
        self, sound: Wav, scale: Scale, measured: Statistics | None, part: Sequence[Chunk]
    ) -> States:
        """All states of some chunks of one length."""
        if self.model.norm is not None and measured is not None:
            self.model.norm.use(measured)
        with _reading:
            sounds = [_read(sound, chunk.start, chunk.stop, scale) for chunk in part]
        with inference.running(self.device, self.precision):
            inputs = self.model.inputs(sounds).to(self.device)
            return self.model(inputs).float().cpu().numpy()

    def _taken(self, sound: Wav, chunk: Chunk, states: States) -> States:
        grid = self.model.grid
        expected = grid.count(chunk.stop - chunk.start)
        found = min(len(states), expected) if self.model.is_whisper else len(states)
        refuse_other_states(
            self.model.named, self.model.layers, found, chunk.stop - chunk.start, expected
        )
        before = chunk.start // grid.stride
        taken = states[chunk.first - before : chunk.beyond - before]
        if not np.isfinite(taken).all():
            raise self._not_finite(sound)
        return taken

    def _not_finite(self, sound: Wav) -> Problem:
        half = self.precision != "fp32"
        return Problem(
            clip=sound.clip,
            file=sound.path,
            found=f"a state that is not finite, computed in {self.precision}",
            expected="finite numbers",
            cure="set encoders.precision to fp32"
            if half
            else "name another model in encoders.audio.weights: its own weights give this",
        )


class Scale(NamedTuple):
    """How sound is scaled: by its mean, and its deviation, over the whole video."""

    mean: float
    deviation: float


def _scale(sound: Wav) -> Scale:
    """The mean and deviation of all samples, read in blocks."""
    count = max(sound.samples, 1)
    total = squares = 0.0
    for start in range(0, sound.samples, BLOCK):
        block = sound.read(start, start + BLOCK).astype(np.float64) / 2**15
        total, squares = total + block.sum(), squares + (block**2).sum()
    mean = total / count
    variance = max(squares / count - mean**2, 0.0)
    return Scale(float(mean), math.sqrt(variance + SMALL))


def _read(sound: Wav, start: int, stop: int, scale: Scale) -> Samples:
    """Samples from `start` to `stop`, scaled; silence after the sound's end."""
    samples = sound.read(start, stop).astype(np.float32) / 2**15
    missing = stop - start - len(samples)
    return np.pad((samples - scale.mean) / scale.deviation, (0, missing)).astype(np.float32)

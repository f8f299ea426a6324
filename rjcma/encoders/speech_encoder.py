"""A speech model of `transformers` that is trained with the network: sound -> a vector a frame.

It reads each window's frames with the sound around them as one chunk. Mean and deviation, and the
statistics of a norm over time, are those of the chunk, as in the model's own training; in mode
precompute they are those of all sound.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoFeatureExtractor

from rjcma.encoders.chunks import Grid
from rjcma.encoders.finetuned import Finetuned
from rjcma.encoders.placing import ROUNDING
from rjcma.encoders.pretrained import Named, configuration, network, random_network, read
from rjcma.encoders.settings import TransformersAudio
from rjcma.encoders.sound import Sound
from rjcma.encoders.speech_model import (
    FAMILY,
    SMALL,
    grid_of,
    refuse_other_families,
    refuse_other_layers,
    refuse_other_states,
)
from rjcma.text import preprocessors
from rjcma.text.preprocessors import WHISPER
from rjcma.wav import RATE

BLOCKS = ("encoder.layers", "encoder")
"""The submodule with the blocks of attention, the first of these that a model has; the convolutions
before it count as embeddings."""


class Looks(NamedTuple):
    """What a speech model is, but for its weights; a run keeps it with these."""

    config: dict[str, Any]
    """The model's configuration."""
    scaled: bool
    """Whether it reads sound of mean 0 and variance 1."""


class SpeechEncoder(Finetuned):
    """Sound of windows, with N frames in all -> vectors (N, D)."""

    def __init__(self, settings: TransformersAudio, looks: Looks | None = None) -> None:
        """With `looks`, the weights are random: those of a run are loaded next.

        Raises `Problem` for a model that cannot be trained here.
        """
        super().__init__(Named(settings.weights, "audio"))
        self.layers, own = settings.layers, looks is None
        if looks is None:
            config = configuration(self.named, ("input_values", "input_features"), FAMILY)
            self._refuse_whisper(config.model_type)
            refuse_other_families(self.named, config)
            refuse_other_layers(self.named, self.layers, int(config.num_hidden_layers))
            extractor = read(self.named, AutoFeatureExtractor)
            preprocessors.refuse_other(settings.weights, extractor, config, key=self.named.key)
            described = {k: v for k, v in config.to_dict().items() if not k.startswith("_")}
            looks = Looks(described, bool(getattr(extractor, "do_normalize", False)))
            self.model = network(self.named, config)
        else:
            self.model = random_network(looks.config)
        self.looks = looks
        self.grid: Grid = grid_of(self.model.config)
        self._refuse_other_strides()
        silence = torch.zeros(RATE, dtype=torch.int16)
        self.width = self._probe(silence)
        if own and settings.mode == "finetune":
            self.prepare(settings, lambda: self.states(silence), within=_blocks(self.model))

    def forward(self, sound: Sound) -> Tensor:
        self.begin()
        return torch.cat([self._window(sound.rows, f) for f in sound.index.split(sound.lengths)])

    def states(self, samples: Tensor) -> Tensor:
        """The states (S, D) of samples (n,) int16."""
        x = samples.float() / 2**15
        if self.looks.scaled:
            x = (x - x.mean()) / (x.var(correction=0) + SMALL).sqrt()
        result = self.model(x[None], output_hidden_states=self.layers is not None)
        if self.layers is None:
            last: Tensor = result.last_hidden_state
            return last[0]
        return torch.stack([result.hidden_states[layer][0] for layer in self.layers]).mean(0)

    def _window(self, rows: Tensor, frames: Tensor) -> Tensor:
        """The vectors of a window's frames, (n, 4) of `Sound.index`."""
        low, high = int(frames[:, 2].min()), int(frames[:, 3].max())
        samples = rows[low:high]
        silence = samples.new_zeros(max(0, self.grid.reach - len(samples)))
        return within(self.states(torch.cat([samples, silence])), frames[:, :2] - low, self.grid)

    @torch.no_grad()
    def _probe(self, samples: Tensor) -> int:
        """Run the model once; -> the length D of its states. No later random number changes.

        Raises `Problem` unless samples (n,) int16 have the states that the grid says.
        """
        with torch.random.fork_rng(devices=[]):  # wav2vec 2 draws numbers that it does not use
            count, width = self.states(samples).shape
        expected = self.grid.count(len(samples))
        refuse_other_states(self.named, self.layers, count, len(samples), expected)
        return width

    def _refuse_whisper(self, family: str) -> None:
        if family == WHISPER:
            raise self.named.problem(
                "Whisper's encoder, which reads 30 seconds whatever a window's length is",
                "wav2vec 2, HuBERT, WavLM or their kin in mode finetune",
                "set encoders.audio.mode to precompute",
            )

    def _refuse_other_strides(self) -> None:
        if RATE % self.grid.stride:
            raise self.named.problem(
                f"a model with a state for {self.grid.stride} samples",
                f"a whole number of states in a second, {RATE} samples, in mode finetune",
                "set encoders.audio.mode to precompute",
            )


def _blocks(model: nn.Module) -> str:
    """The name of the submodule with the blocks of attention."""
    names = {name for name, _ in model.named_modules()}
    return next(name for name in BLOCKS if name in names)


def within(states: Tensor, frames: Tensor, grid: Grid) -> Tensor:
    """The mean (n, D) of the states (S, D) within each frame, or the state nearest to its middle.

    Of each frame, `frames` (n, 2) float64 has its beginning and end in samples. As
    `rjcma.encoders.placing`, with gradients.
    """
    places = (frames - grid.centre) / grid.stride
    first, beyond = (places - ROUNDING).ceil().clamp(0, len(states)).long().unbind(1)
    nearest = places.mean(1).round().clamp(0, len(states) - 1).long()
    empty = first >= beyond
    first, beyond = first.where(~empty, nearest), beyond.where(~empty, nearest + 1)
    numbers = torch.arange(len(states), device=states.device)
    inside = (numbers >= first[:, None]) & (numbers < beyond[:, None])  # (n, S)
    share = inside / (beyond - first)[:, None]
    return share.to(states.dtype) @ states

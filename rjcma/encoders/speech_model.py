"""A speech model of `transformers` as the encoder of the voice: states of sound, with their times.

Models that read samples (wav2vec 2, HuBERT, WavLM and others) have strides and kernels of their
convolutions in their configuration: these say where each state is. Whisper's encoder reads a
log-mel spectrogram of its own, of 30 seconds, and has a state for every second row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoFeatureExtractor, PretrainedConfig

from rjcma.encoders.chunks import Grid
from rjcma.encoders.pretrained import Named, configuration, network, read
from rjcma.encoders.settings import TransformersAudio
from rjcma.encoders.whole_norm import WholeNorm
from rjcma.text import preprocessors
from rjcma.text.preprocessors import WHISPER
from rjcma.wav import RATE

FAMILY = "a speech model of transformers: wav2vec 2, HuBERT, WavLM, Whisper, or one of their kin"

SECONDS = 30
"""Length of a chunk (ours; it is what Whisper reads)."""

SMALL = 1e-7
"""Added to the variance by which sound is scaled (as transformers' feature extractors do)."""

Samples = NDArray[np.float32]
"""Sound in [-1, 1], (samples,)."""


class SpeechModel(nn.Module):
    """Sound at 16 kHz -> states (B, S, D)."""

    def __init__(self, settings: TransformersAudio) -> None:
        """Raises `Problem` for a model that is no such model, or has no such layers."""
        super().__init__()
        self.named, self.layers = Named(settings.weights, "audio"), settings.layers
        config = configuration(self.named, ("input_values", "input_features"), FAMILY)
        self.is_whisper = config.model_type == WHISPER
        if not self.is_whisper:
            refuse_other_families(self.named, config)
        refuse_other_layers(self.named, self.layers, int(config.num_hidden_layers))
        self.extractor = read(self.named, AutoFeatureExtractor)
        preprocessors.refuse_other(settings.weights, self.extractor, config, key=self.named.key)
        self.grid = _whispers_grid(self.extractor) if self.is_whisper else grid_of(config)
        self.model = network(self.named, config, part="encoder" if self.is_whisper else "")
        self.norm = None if self.is_whisper else _whole_norm(self.model)
        self.width = int(config.hidden_size)

    @property
    def chunk(self) -> int:
        """Samples of a chunk."""
        return int(self.extractor.n_samples) if self.is_whisper else SECONDS * RATE

    @property
    def is_scaled(self) -> bool:
        """Whether the sound must be scaled to mean 0 and variance 1, over all of it."""
        return not self.is_whisper and bool(getattr(self.extractor, "do_normalize", False))

    def inputs(self, sounds: list[Samples]) -> Tensor:
        """The model's input for sounds of one length: samples, or Whisper's spectrogram."""
        if not self.is_whisper:
            return torch.from_numpy(np.stack(sounds))
        features = self.extractor(sounds, sampling_rate=RATE, return_tensors="pt")
        rows: Tensor = features.input_features
        return rows

    def forward(self, inputs: Tensor) -> Tensor:
        result = self.model(inputs, output_hidden_states=self.layers is not None)
        if self.layers is None:
            states: Tensor = result.last_hidden_state
            return states
        return torch.stack([result.hidden_states[layer] for layer in self.layers]).mean(0)


def refuse_other_families(named: Named, config: PretrainedConfig) -> None:
    """Raise `Problem` unless the configuration says how the model's convolutions read samples."""
    if not getattr(config, "conv_stride", None):
        found = f"a model of type {config.model_type}, whose configuration has no conv_stride"
        raise named.problem(found, FAMILY, f"name another model in {named.key}")


def grid_of(config: PretrainedConfig) -> Grid:
    """Where the states of a model of samples are, from the convolutions that read them."""
    strides, kernels = config.conv_stride, config.conv_kernel
    reach = 1 + sum((k - 1) * math.prod(strides[:n]) for n, k in enumerate(kernels))
    return Grid(math.prod(strides), reach, (reach - 1) / 2)


def _whole_norm(model: nn.Module) -> WholeNorm | None:
    """Put a norm over all sound in place of one over a chunk, if the model has one."""
    first = model.get_submodule("feature_extractor.conv_layers.0")
    norm = getattr(first, "layer_norm", None)
    if not isinstance(norm, nn.GroupNorm):
        return None
    whole = WholeNorm(first.get_submodule("conv"), norm)  # type: ignore[arg-type]
    first.layer_norm = whole
    return whole


def _whispers_grid(extractor: Any) -> Grid:
    """A state for two rows of the spectrogram, the first of which is around the first sample.

    Every stride that has begun has a state, since Whisper reads silence after the end.
    """
    return Grid(2 * int(extractor.hop_length), 1, 0.0)


def refuse_other_layers(named: Named, layers: tuple[int, ...] | None, blocks: int) -> None:
    """Raise `Problem` for layers that a model of so many blocks does not have."""
    key = f"encoders.{named.modality}.layers"
    for layer in layers or ():
        if not -blocks - 1 <= layer <= blocks:
            expected = f"layers from 0 to {blocks}, or from -{blocks + 1} to -1"
            raise named.problem(f"{key} with {layer}", expected, f"correct {key}")


def refuse_other_states(
    named: Named, layers: tuple[int, ...] | None, states: int, samples: int, expected: int
) -> None:
    """Raise `Problem` unless so many samples have as many states as the grid says."""
    if states != expected:
        another = f"name another model in {named.key}"
        raise named.problem(
            f"{states} states of {samples} samples",
            f"{expected}, as its configuration says",
            f"set encoders.{named.modality}.layers to null, or {another}" if layers else another,
        )

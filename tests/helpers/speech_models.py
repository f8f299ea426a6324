"""Tiny speech models of `transformers` with random weights, and sound for them, for tests."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import torch
import transformers as t
from transformers.utils import logging

logging.disable_progress_bar()

RATE = 16_000
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "initializer_range": 0.2,  # so that vectors differ clearly
}
LARGE = {**SIZES, "do_stable_layer_norm": True, "feat_extract_norm": "layer"}
WHISPER = {
    "vocab_size": 40,
    "num_mel_bins": 8,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_source_positions": 1500,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 3,
    "init_std": 0.1,
}

MODELS = {
    "wav2vec2": lambda: t.Wav2Vec2Model(t.Wav2Vec2Config(**SIZES)),
    "wav2vec2 large": lambda: t.Wav2Vec2ForCTC(t.Wav2Vec2Config(vocab_size=9, **LARGE)),
    "hubert": lambda: t.HubertModel(t.HubertConfig(**SIZES)),
    "wavlm": lambda: t.WavLMModel(t.WavLMConfig(**SIZES)),
    "whisper": lambda: t.WhisperForConditionalGeneration(t.WhisperConfig(**WHISPER)),
}
"""By name, what makes a model."""

SQUEEZED = {
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "squeeze_factor": 2,
}
OTHERS = {
    "sew": lambda: t.SEWModel(t.SEWConfig(**SIZES, **SQUEEZED)),
    "adapter": lambda: t.Wav2Vec2Model(
        t.Wav2Vec2Config(**SIZES, add_adapter=True, output_hidden_size=24)
    ),
    "data2vec": lambda: t.Data2VecAudioModel(
        t.Data2VecAudioConfig(**{**SIZES, "num_conv_pos_embeddings": 3})
    ),
    "conformer": lambda: t.Wav2Vec2ConformerModel(t.Wav2Vec2ConformerConfig(**SIZES)),
}
"""More of their kin, each with something of its own; the states of some are not where the strides
of their convolutions say."""


def extractor(name: str, **changes):
    """What prepares sound for the model of this name."""
    if name == "whisper":
        return t.WhisperFeatureExtractor(feature_size=8, **changes)
    return t.Wav2Vec2FeatureExtractor(**{"do_normalize": True, **changes})


def save(folder: Path, name: str, *, seed: int = 3, **reads) -> Path:
    """Save a model and its extractor as `save_pretrained` does; -> its folder."""
    torch.manual_seed(seed)
    {**MODELS, **OTHERS}[name]().save_pretrained(folder)
    extractor(name, **reads).save_pretrained(folder)
    return folder


def sound(seconds: float, seed: int = 1) -> np.ndarray:
    """Tones that rise and fall, and noise, (samples,) int16."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * (200 * time + 60 * np.sin(time * 1.7)))
    loud = 0.5 + 0.4 * np.sin(time * 0.9 + seed)
    noise = generator.normal(0, 0.05, len(time))
    return np.clip((tone * loud * 0.4 + noise) * 2**15, -(2**15), 2**15 - 1).astype(np.int16)


def write(path: Path, samples: np.ndarray) -> Path:
    """Write a WAV as the pipeline has them."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes(samples.astype("<i2").tobytes())
    return path

"""What prepares sound for a speech model of `transformers`: whether it is this model's own.

A model's folder says in two files how its sound is prepared, and what it reads.
"""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig, WhisperFeatureExtractor

from rjcma.text import loading
from rjcma.wav import RATE

WHISPER = "whisper"
"""The type of a model that reads spectrograms of a fixed length; others here read samples."""

SAMPLES = "input_values"
"""What models of samples read, by transformers' name."""


def refuse_other(name: str, extractor: Any, config: PretrainedConfig, *, key: str) -> None:
    """Raise `Problem` unless what prepares the sound fits the model of this configuration.

    `key` is the params key of the model called `name`.
    """
    is_whisper = config.model_type == WHISPER
    wrong = _other_kind(extractor, is_whisper)
    if wrong is None and is_whisper:
        wrong = _other_whisper(extractor, config)
    if wrong is not None:
        raise loading.problem(name, *wrong, key=key)


def _other_kind(makes: Any, is_whisper: bool) -> tuple[str, str] | None:
    """What is found and what is expected, if it is that of another kind of model or of sound."""
    kind = f"a preprocessor {type(makes).__name__}"
    if is_whisper and not isinstance(makes, WhisperFeatureExtractor):
        return kind, "WhisperFeatureExtractor, as the model is a Whisper"
    if not is_whisper and SAMPLES not in makes.model_input_names:
        return kind, "one for a model that reads samples, such as Wav2Vec2FeatureExtractor"
    if makes.sampling_rate != RATE:
        found = f"a model of sound at {makes.sampling_rate} Hz"
        return found, f"{RATE} Hz, the rate of data/audio and of speech models"
    return None


def _other_whisper(makes: Any, config: PretrainedConfig) -> tuple[str, str] | None:
    """The same, if it is that of another Whisper."""
    if makes.nb_max_frames != 2 * config.max_source_positions:
        found = f"a preprocessor for windows of {makes.chunk_length} s"
        return found, f"{config.max_source_positions / 50:g} s, as config.json says"
    if makes.feature_size != config.num_mel_bins:
        found = f"a preprocessor for {makes.feature_size} mel bands"
        return found, f"{config.num_mel_bins}, as config.json says"
    return None

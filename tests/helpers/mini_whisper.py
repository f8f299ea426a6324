"""A Whisper that is computed rather than trained, for the real code of transformers.

It cuts its window of three seconds into slots of 0.2 s and writes a token for each: ` the` for a
tone below about 1.2 kHz, ` you` for one above, a space, which is no word, for silence. Then it
ends. Tones that fill slots are words whose texts and times are known exactly.

    encoder   low, high = GELU(+-GAIN * (low bands - high bands) - BIAS); its positions are one-hot
              slots; then the norm
    decoder   each position attends to the slot of its number, and adds what is low and high there,
              and SILENCE; the position after the last slot is that of the end
    logits    embeddings of tokens, one-hot in low, high, silence and end, but small, so that what
              was written does not write itself again

All other weights are zero.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
import transformers as t
import whisper_models

SLOT = 0.2
"""Seconds."""
SLOTS = round(whisper_models.SECONDS / SLOT)
FRAMES = round(50 * SLOT)  # of the encoder, in a slot

LOW, HIGH, NONE, LAST, FIRST = range(5)
"""Dimensions of the network's states; one for each slot, and one for the end, follow."""
WIDTH = FIRST + SLOTS + 1
TOKENS = {LOW: "Ġthe", HIGH: "Ġyou", NONE: "Ġ", LAST: whisper_models.END}
HERTZ = {"the": 500, "you": 3000}
"""Tones that are heard as these words."""

PROMPT = 3  # tokens before <|notimestamps|>, at whose position that of the first slot is written
GAIN, BIAS, SHARP, SILENCE = 40.0, 5.0, 50.0, 20.0
FAR = 1000.0  # much greater than what is low or high, so that norms leave it what it is
CLEAR, SMALL, LOUD = 300.0, 0.01, 5000.0


def save(folder: Path) -> Path:
    """Save the model; -> its folder."""
    heads = {f"{part}_attention_heads": 1 for part in ("encoder", "decoder")}
    layers = {"encoder_layers": 0, "decoder_layers": 1}
    return whisper_models.save(
        folder,
        spoken=tuple(TOKENS.values()),
        shape=_shape,
        sizes={**heads, **layers, "d_model": WIDTH},
        alignment_heads=[[0, 0]],
    )


def _shape(model: t.WhisperForConditionalGeneration) -> None:
    for parameter in model.parameters():
        parameter.zero_()
    encoder, decoder = model.model.encoder, model.model.decoder
    bands = torch.tensor([1 / 3] * 3 + [0.0] + [-1 / 4] * 4)  # of the mel bands, low ones first
    for dimension, sign in ((LOW, 1), (HIGH, -1)):
        encoder.conv1.weight[dimension, :, 1] = sign * GAIN * bands
        encoder.conv1.bias[dimension] = -BIAS
        encoder.conv2.weight[dimension, dimension, 1] = 1
    for slot in range(SLOTS):
        frames = slice(slot * FRAMES, (slot + 1) * FRAMES)
        encoder.embed_positions.weight[frames, FIRST + slot] = FAR
        decoder.embed_positions.weight[PROMPT + slot, FIRST + slot] = 1
    decoder.embed_positions.weight[PROMPT + SLOTS, LAST] = FAR
    (layer,) = decoder.layers
    for norm in (encoder.layer_norm, layer.encoder_attn_layer_norm, decoder.layer_norm):
        norm.weight.fill_(1)
    for dimension in range(FIRST, FIRST + SLOTS):
        layer.encoder_attn.q_proj.weight[dimension, dimension] = SHARP
        layer.encoder_attn.k_proj.weight[dimension, dimension] = 1
    for dimension in (LOW, HIGH):
        layer.encoder_attn.v_proj.weight[dimension, dimension] = 1
        layer.encoder_attn.out_proj.weight[dimension, dimension] = CLEAR
        layer.encoder_attn.out_proj.bias[dimension] = CLEAR / math.sqrt(WIDTH - 1)  # 0 after a norm
    layer.encoder_attn.out_proj.bias[NONE] = SILENCE
    decoder.layer_norm.weight.fill_(LOUD)
    ids = whisper_models.tokenizer().convert_tokens_to_ids([*TOKENS.values()])
    for dimension, token in zip(TOKENS, ids, strict=True):
        decoder.embed_tokens.weight[token, dimension] = SMALL

"""A tiny Whisper with random weights, and a tokenizer of its kind, for tests."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers as t
from tokenizers import pre_tokenizers
from transformers.utils import logging

logging.disable_progress_bar()

SECONDS = 3
"""Length of its windows; the real one reads 30 s."""

WORDS = ["the", "of", "and", "to", "a", "in", "is", "it", "you", "that", "he", "was", "for", "on"]
LANGUAGES = ("en", "de", "zh")
END = "<|endoftext|>"
SPECIAL = [
    *("<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), "<|translate|>"),
    *("<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
]


def tokenizer() -> t.WhisperTokenizer:
    """Bytes, and a token for each of the words with its space; then special tokens, then times."""
    ids = {letter: n for n, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = []
    for word in WORDS:
        for n in range(len(word)):
            pair = ("Ġ" + word[:n], word[n])
            if "".join(pair) not in ids:
                ids["".join(pair)] = len(ids)
                merges.append(pair)
    made = t.WhisperTokenizer(vocab=ids, merges=merges)
    made.add_tokens([t.AddedToken(name, special=True) for name in SPECIAL], special_tokens=True)
    times = [f"<|{n * 0.02:.2f}|>" for n in range(50 * SECONDS + 1)]
    made.add_tokens([t.AddedToken(name, special=False, normalized=False) for name in times])
    return made


def save(folder: Path, *, seed: int = 1, english: bool = False, **generation) -> Path:
    """Save a model as `save_pretrained` does; -> its folder. None leaves a value out."""
    words = tokenizer()
    ids = {name: words.convert_tokens_to_ids(name) for name in [END, *SPECIAL]}
    ends = {"pad_token_id": ids[END], "bos_token_id": ids[END], "eos_token_id": ids[END]}
    ends["decoder_start_token_id"] = ids["<|startoftranscript|>"]
    sizes = {f"{part}_attention_heads": 2 for part in ("encoder", "decoder")}
    sizes |= {f"{part}_layers": 2 for part in ("encoder", "decoder")}
    sizes |= {f"{part}_ffn_dim": 24 for part in ("encoder", "decoder")}
    config = t.WhisperConfig(
        vocab_size=len(words),
        num_mel_bins=8,
        d_model=16,
        max_source_positions=50 * SECONDS,
        max_target_positions=24,
        init_std=0.6,
        **sizes,
        **ends,
    )
    spoken = {*words.convert_tokens_to_ids([*("Ġ" + word for word in WORDS), "s", END])}
    says = {
        "suppress_tokens": [n for n in range(len(words)) if n not in spoken],
        "is_multilingual": not english,
        "lang_to_id": None if english else {f"<|{c}|>": ids[f"<|{c}|>"] for c in LANGUAGES},
        "task_to_id": None
        if english
        else {x: ids[f"<|{x}|>"] for x in ("transcribe", "translate")},
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "alignment_heads": [[0, 1], [1, 0]],
        "max_length": 24,
        **generation,
    }
    torch.manual_seed(seed)
    model = t.WhisperForConditionalGeneration(config)
    kept = {key: value for key, value in says.items() if value is not None}
    model.generation_config = t.GenerationConfig(**ends, **kept)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    t.WhisperFeatureExtractor(feature_size=8, chunk_length=SECONDS).save_pretrained(folder)
    return folder

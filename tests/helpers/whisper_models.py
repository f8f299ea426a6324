"""A tiny Whisper with random weights, and a tokenizer of its kind, for tests."""

from __future__ import annotations

from collections.abc import Callable
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
SIZES = {
    **{f"{part}_attention_heads": 2 for part in ("encoder", "decoder")},
    **{f"{part}_layers": 2 for part in ("encoder", "decoder")},
    **{f"{part}_ffn_dim": 24 for part in ("encoder", "decoder")},
    "num_mel_bins": 8,
    "d_model": 16,
    "max_source_positions": 50 * SECONDS,
    "max_target_positions": 24,
    "init_std": 0.6,
}
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


def save(
    folder: Path,
    *,
    seed: int = 1,
    english: bool = False,
    spoken: tuple[str, ...] = (*("Ġ" + word for word in WORDS), "s"),
    shape: Callable[[t.WhisperForConditionalGeneration], None] = lambda _: None,
    sizes: dict[str, int] | None = None,
    **generation,
) -> Path:
    """Save a model as `save_pretrained` does; -> its folder.

    It can write the tokens `spoken`, and the end. `shape` changes its weights, `sizes` its
    configuration, and `generation` its generation_config, from which None takes a value out.
    """
    words = tokenizer()
    ids = {name: words.convert_tokens_to_ids(name) for name in [END, *SPECIAL]}
    ends = {"pad_token_id": ids[END], "bos_token_id": ids[END], "eos_token_id": ids[END]}
    ends["decoder_start_token_id"] = ids["<|startoftranscript|>"]
    config = t.WhisperConfig(**{**SIZES, "vocab_size": len(words), **ends, **(sizes or {})})
    kept = {*words.convert_tokens_to_ids([*spoken, END])}
    says = {
        "suppress_tokens": [n for n in range(len(words)) if n not in kept],
        "is_multilingual": not english,
        "lang_to_id": {f"<|{code}|>": ids[f"<|{code}|>"] for code in LANGUAGES},
        "task_to_id": {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")},
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "alignment_heads": [[0, 1], [1, 0]],
        "max_length": 24,
        **({"lang_to_id": None, "task_to_id": None} if english else {}),
        **generation,
    }
    torch.manual_seed(seed)
    model = t.WhisperForConditionalGeneration(config).requires_grad_(False)
    shape(model)
    said = {key: value for key, value in says.items() if value is not None}
    model.generation_config = t.GenerationConfig(**ends, **said)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    t.WhisperFeatureExtractor(feature_size=8, chunk_length=SECONDS).save_pretrained(folder)
    return folder

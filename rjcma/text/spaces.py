"""Tokenizers that lose the space before a word.

GPT-2's byte-level sub-words, which RoBERTa, DeBERTa and ModernBERT read, are other ones after a
space than within a word. Some tokenizers add the space when they are given words one by one, if
asked to. Others do not: to them, each word would seem to be the end of another one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rjcma.problem import Problem
from rjcma.text.model_files import locate

GENERIC = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes of transformers that do not add the space."""


def are_lost(tokenizer: Any) -> bool:
    """Whether a word given by itself is read in another way than after a space."""

    def tokens(text: Any, **options: Any) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False, **options)["input_ids"]
        return found

    alone, after = tokens(["a"], is_split_into_words=True), tokens(" a")
    within = tokens("a a")
    return alone != after and within[-len(after) :] == after


def may_be_lost(name: str, *, key: str) -> bool:
    """The same for the model called `name`, judged by its files.

    False if they are not here, or not what they should be, which `rjcma.text.checked` reports.
    """
    try:
        folder = Path(locate(name, key=key))
        says = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        if says.get("tokenizer_class") not in GENERIC:
            return False
        whole = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        return _has_byte_level(whole.get("pre_tokenizer") or {})
    except (Problem, OSError, ValueError, AttributeError, TypeError):
        return False


def _has_byte_level(part: Any) -> bool:
    """Whether a pre-tokenizer is of bytes and adds no space."""
    if part.get("type") == "Sequence":
        return any(map(_has_byte_level, part.get("pretokenizers", ())))
    return part.get("type") == "ByteLevel" and not part.get("add_prefix_space", True)

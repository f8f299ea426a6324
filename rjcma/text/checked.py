"""Whether a model is a text encoder with its own tokenizer and all its weights.

Only the names and sizes of weights are read for that, so it takes no time. Refused, with the
reason, is any other model before anything is done with it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
)

from rjcma.text import loading
from rjcma.text.loading import problem, read
from rjcma.text.settings import Text

KEY = "text.model"
FAMILY = "a text encoder of transformers: BERT, RoBERTa, DeBERTa, ModernBERT, or one of their kin"

UNUSED = ("pooler", "position_ids")
"""Weights that are not needed for words, or that are no weights."""


@contextmanager
def encoder(settings: Text) -> Iterator[None]:
    """Around what is done with the model of the settings. Raises `Problem` as `check` does."""
    check(settings.model)
    yield


@functools.lru_cache(maxsize=1)
def check(name: str) -> None:
    """Raise `Problem` unless the model called `name` is a text encoder with all its weights."""
    config = read(name, AutoConfig, key=KEY)
    if reason := _no_encoder(config):
        found = f"a model of type {config.model_type}, which {reason}"
        raise problem(name, found, FAMILY, key=KEY, cure=f"name another model in {KEY}")
    most, known = _tokens(read(name, AutoTokenizer, key=KEY)), getattr(config, "vocab_size", None)
    if not most:  # transformers then makes an empty one
        raise problem(name, "no vocabulary", "the model's tokenizer, as tokenizer.json", key=KEY)
    if known is not None and most > known:
        found = f"a tokenizer with {most} tokens and a model that knows {known}"
        raise problem(name, found, "a model and its own tokenizer", key=KEY)
    options = {"output_loading_info": True, "device_map": "meta"}  # reads no weights
    model, report = read(name, AutoModel, key=KEY, **options)
    missing = [key for key in report["missing_keys"] if not any(part in key for part in UNUSED)]
    loading.refuse_weights(name, missing, loading.of_its_parts(model, report), key=KEY)


def _tokens(tokenizer: Any) -> int:
    """How many tokens a model must know to read words by this tokenizer; it needs no mask.

    It is 0 if the tokenizer knows nothing but special tokens.
    """
    words = set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids)
    ends = {n for n in (tokenizer.cls_token_id, tokenizer.sep_token_id) if n is not None}
    return 1 + max(words | ends) if words else 0


def _no_encoder(config: PretrainedConfig) -> str:
    """Why a model of this configuration is no text encoder; empty if it is one."""
    kind = type(config)
    found: Any = MODEL_MAPPING.get(kind, None)
    model = found[0] if isinstance(found, tuple) else found
    reads = getattr(model, "main_input_name", "nothing known")
    if reads != "input_ids":
        return f"reads {reads}"
    if config.sub_configs:
        return "has several parts"
    if config.is_encoder_decoder:
        return "writes text"
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING and kind not in MODEL_FOR_MASKED_LM_MAPPING:
        return "sees of each word only what was said before"
    return ""

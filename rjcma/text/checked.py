"""Models of `transformers` for text and speech, checked before they are used.

Code that comes with a model is never run. What is refused, with the reason: a model that is no text
encoder, a tokenizer that is another model's, weights that are missing, too many or of other sizes.
For that only the names and sizes of weights are read.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from safetensors import SafetensorError
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
)
from transformers.utils import logging

from rjcma.problem import Problem
from rjcma.text.model_files import locate
from rjcma.text.settings import Text

BROKEN = (OSError, ValueError, RuntimeError, ImportError, LookupError, TypeError, SafetensorError)
"""What transformers raises for files that are missing, damaged, or of another model."""

KEY = "text.model"
FAMILY = "a text encoder of transformers: BERT, RoBERTa, DeBERTa, ModernBERT, or one of their kin"
WHOLE = "the weights of the model that config.json describes"

UNUSED = ("pooler", "position_ids")
"""Weights that are not needed for words, or that are no weights."""

NAMED = 3  # weights that a message names (ours)


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
    own = {part for part, _ in model.named_children()}
    heads = [  # of a classifier and the like, which are not needed
        key
        for key in report["unexpected_keys"]
        if key.removeprefix(f"{model.base_model_prefix}.").partition(".")[0] not in own
    ]
    refuse_other_weights(name, report, key=KEY, unused=UNUSED, left_out=heads)


def read(name: str, auto: Any, *, key: str, **options: Any) -> Any:
    """What AutoModel or the like read of the model; `key` is the params key of its name.

    Raises `Problem` if it cannot.
    """
    try:
        with quiet():
            place = locate(name, key=key)
            return auto.from_pretrained(place, trust_remote_code=False, **options)
    except BROKEN as error:
        if "trust_remote_code" in str(error):
            found = "a model that needs code of its own, which is never run"
            expected, cure = "a model whose code is part of transformers", f"name another in {key}"
            raise problem(name, found, expected, key=key, cure=cure) from None
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        found = f"{auto.__name__} cannot read it ({reason})"
        expected = "all files, undamaged, of a model that transformers knows"
        raise problem(name, found, expected, key=key) from None


def refuse_other_weights(
    name: str,
    report: Mapping[str, Any],
    *,
    key: str,
    unused: Collection[str] = (),
    left_out: Collection[str] = (),
) -> None:
    """Raise `Problem` for weights that are missing, or too many, by what `from_pretrained` reports.

    Weights may be missing whose names contain one of `unused`; those `left_out` may be there.
    """
    missing = [w for w in report["missing_keys"] if not any(part in w for part in unused)]
    surplus = [w for w in report["unexpected_keys"] if w not in left_out]
    if missing or surplus:
        found = [f"weights missing: {_listed(missing)}"] if missing else []
        found += [f"weights unknown: {_listed(surplus)}"] if surplus else []
        raise problem(name, "; ".join(found), WHOLE, key=key)


def problem(name: str, found: str, expected: str, *, key: str, cure: str = "") -> Problem:
    """What is wrong with a model."""
    again = f"copy or download the model again, or name another in {key}"
    return Problem(file=f"{key}: {name}", found=found, expected=expected, cure=cure or again)


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


def _listed(keys: Collection[str]) -> str:
    first = sorted(keys)[:NAMED]
    return f"{', '.join(first)}{', …' if len(keys) > NAMED else ''} ({len(keys)})"


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' own reports: what matters of them is raised or said here."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)

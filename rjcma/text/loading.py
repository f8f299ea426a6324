"""Loads models of `transformers`; code that comes with a model is never run.

`rjcma.text.pretrained` loads those of which nothing was chosen but the name; it is as it was, so
that what was made with them keeps its keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from safetensors import SafetensorError
from torch import nn
from transformers.utils import logging

from rjcma.problem import Problem
from rjcma.text.model_files import locate

BROKEN = (OSError, ValueError, RuntimeError, ImportError, LookupError, TypeError, SafetensorError)
"""What transformers raises for files that are missing, damaged, or of another model."""

FILES = "config.json, model.safetensors, and those of its tokenizer or its preprocessor"

NAMED = 4  # weights that a message names (ours)


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
            expected = "a model whose code is part of transformers"
            cure = f"name another model in {key}"
            raise problem(name, found, expected, key=key, cure=cure) from None
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        found = f"{auto.__name__} cannot read it ({reason})"
        expected = f"all files, undamaged, of a model that transformers knows: {FILES}"
        raise problem(name, found, expected, key=key) from None


def refuse_weights(
    name: str, missing: Collection[str], surplus: Collection[str], *, key: str
) -> None:
    """Raise `Problem` if any weights are missing, or are there that the model does not know."""
    if missing or surplus:
        found = [f"weights missing: {listed(missing)}"] if missing else []
        found += [f"weights unknown: {listed(surplus)}"] if surplus else []
        expected = "the weights of the model that config.json describes"
        raise problem(name, "; ".join(found), expected, key=key)


def of_its_parts(model: nn.Module, report: Mapping[str, Any]) -> list[str]:
    """The unknown weights of parts that the model has; others are a classifier's or the like."""
    own = {name for name, _ in model.named_children()}
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    unknown = sorted(report["unexpected_keys"])
    return [key for key in unknown if key.removeprefix(prefix).partition(".")[0] in own]


def problem(name: str, found: str, expected: str, *, key: str, cure: str = "") -> Problem:
    """What is wrong with the model that the params file names at this key."""
    again = f"copy or download the model again, or name another in {key}"
    return Problem(file=f"{key}: {name}", found=found, expected=expected, cure=cure or again)


def listed(keys: Collection[str]) -> str:
    """The first of these weights, and how many there are."""
    first: Sequence[str] = sorted(keys)[:NAMED]
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

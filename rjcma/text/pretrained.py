"""Loading models of `transformers`, and how many sub-words they can read."""

from __future__ import annotations

from typing import Any

from safetensors import SafetensorError
from torch import nn
from transformers.utils import logging as transformers_logging

from rjcma.problem import Problem
from rjcma.text.model_files import locate

transformers_logging.disable_progress_bar()  # stages show their own


def load_pretrained(name: str, auto: Any, *, key: str, **options: Any) -> Any:
    """The tokenizer or network of the model called `name`, by AutoTokenizer, AutoModel or the like.

    Raises `Problem` if files are missing or damaged.
    """
    try:
        return auto.from_pretrained(locate(name, key=key), **options)
    except (OSError, ValueError, SafetensorError) as error:
        raise Problem(
            file=f"{key}: {name}",
            found=f"{auto.__name__} cannot read it ({str(error).splitlines()[0]})",
            expected="all files, undamaged, of a model that transformers knows",
            cure=f"copy or download the model again, or name another in {key}",
        ) from None


def max_subwords(model: nn.Module, limit: int) -> int:
    """How many sub-words, special tokens included, `model` can read at once; `limit` at most.

    This is the number of its position embeddings, without those up to the padding index, which
    models like RoBERTa leave out. Without such embeddings, the model's configuration counts.
    """
    for name, part in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(part, nn.Embedding):
            before = 0 if part.padding_idx is None else part.padding_idx + 1
            return min(part.num_embeddings - before, limit)
    return min(getattr(model.config, "max_position_embeddings", limit), limit)

"""Models of `transformers`, opened, and how much they read at once."""

from __future__ import annotations

from typing import Any

from safetensors import SafetensorError
from torch import nn
from transformers.utils import logging as transformers_logging

from rjcma.problem import Problem
from rjcma.text.model_files import locate

transformers_logging.disable_progress_bar()  # a stage has its own


def opened(name: str, auto: Any, *, key: str, **options: Any) -> Any:
    """`auto` (AutoTokenizer, AutoModel, ...) of the model called `name`, ready for inference.

    Raises `Problem` where its files are missing or spoilt.
    """
    try:
        return auto.from_pretrained(locate(name, key=key), **options)
    except (OSError, ValueError, SafetensorError) as error:
        raise Problem(
            file=f"{key}: {name}",
            found=f"{auto.__name__} cannot read it ({str(error).splitlines()[0]})",
            expected="all files of a model, whole, of a kind that transformers knows",
            cure=f"copy or download the model again, or name another in {key}",
        ) from None


def longest(model: nn.Module, most: int) -> int:
    """The number of sub-words, marks included, that `model` can read at once; at most `most`.

    It is the size of its table of positions, which some kin of BERT (RoBERTa) count from behind
    their padding; a model without one (rotary positions) is held to its configuration.
    """
    for name, part in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(part, nn.Embedding):
            before = 0 if part.padding_idx is None else part.padding_idx + 1
            return min(part.num_embeddings - before, most)
    return min(getattr(model.config, "max_position_embeddings", most), most)

"""Loads models of `transformers` as encoders; never runs code that comes with a model.

What is refused, with the reason: a model that does not read what the modality gives; a checkpoint
that lacks weights which the encoder uses, or has more layers than its configuration says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import MODEL_MAPPING, AutoConfig, AutoModel, PretrainedConfig

from rjcma.jobs.progress import say
from rjcma.problem import Problem
from rjcma.text import loading

UNUSED = ("masked_spec_embed", "mask_token")
"""Names of weights that models use only while they are pretrained."""


class Named(NamedTuple):
    """A model by the name that the params file gives it."""

    name: str
    modality: str

    @property
    def key(self) -> str:
        """The params key."""
        return f"encoders.{self.modality}.weights"

    def problem(self, found: str, expected: str, cure: str = "") -> Problem:
        """What is wrong with it."""
        return loading.problem(self.name, found, expected, key=self.key, cure=cure)


def configuration(named: Named, inputs: Collection[str], family: str) -> PretrainedConfig:
    """The configuration of a model that reads one of these `inputs`, by transformers' names.

    Of a model for pictures and text, it is that of the vision tower. `family` says in words what is
    expected. Raises `Problem` for any other model.
    """
    config = read(named, AutoConfig)
    config = getattr(config, "vision_config", config) if "pixel_values" in inputs else config
    found: Any = MODEL_MAPPING.get(type(config), None)
    model = found[0] if isinstance(found, tuple) else found
    main = getattr(model, "main_input_name", "nothing known")
    if main not in inputs:
        reads = f"a model of type {config.model_type}, which reads {main}"
        raise named.problem(reads, family, f"name another model in {named.key}")
    return config


def network(
    named: Named, config: PretrainedConfig, *, part: str = "", unused: Sequence[str] = ()
) -> nn.Module:
    """The model in float32, in evaluation mode, frozen; or the submodule `part` of it.

    Weights may be missing in the model's own parts `unused`. Weights of other modules than the
    model's, such as a classifier's, are left out, and a line on stderr says so. Raises `Problem`
    for files that are missing or damaged, and for weights that are missing or too many.
    """
    model, report = read(
        named, AutoModel, config=config, output_loading_info=True, dtype=torch.float32
    )
    wanted = f"{part}." if part else ""
    missing = [
        key
        for key in sorted(report["missing_keys"])
        if key.startswith(wanted) and not _is_unused(key, unused)
    ]
    surplus = report["unexpected_keys"]
    loading.refuse_weights(named.name, missing, loading.of_its_parts(model, report), key=named.key)
    if surplus:
        say(f"{named.name}: {loading.listed(surplus)} not needed, left out")
    chosen: nn.Module = model.get_submodule(part)
    return chosen.eval().requires_grad_(False)


def _is_unused(key: str, parts: Sequence[str]) -> bool:
    """Whether a weight is of one of the model's own `parts`, or needed only while pretraining.

    >>> [_is_unused(key, ["head"]) for key in ("head.bias", "blocks.0.head.bias", "mask_token")]
    [True, False, True]
    """
    names = key.split(".")
    return names[0] in parts or any(name in UNUSED for name in names)


def random_network(config: Mapping[str, Any]) -> nn.Module:
    """The model of this configuration with random weights, in evaluation mode, frozen."""
    known = AutoConfig.for_model(**config)
    model: nn.Module = AutoModel.from_config(known, dtype=torch.float32)
    return model.eval().requires_grad_(False)


def read(named: Named, auto: Any, **options: Any) -> Any:
    """What AutoConfig, AutoModel or the like read of the model. Raises `Problem` if they cannot."""
    return loading.read(named.name, auto, key=named.key, **options)

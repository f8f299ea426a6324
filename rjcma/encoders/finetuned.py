"""What models of `transformers` have in common when they are trained with the network."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer

from rjcma.encoders.blocks import Groups, block_groups
from rjcma.encoders.pretrained import Named
from rjcma.encoders.settings import Transformers


class Finetuned(nn.Module):
    """An encoder whose `model` is one of transformers; `prepare` makes it ready to be trained."""

    model: Any

    def __init__(self, named: Named) -> None:
        super().__init__()
        self.named = named
        self.groups: Groups = ()
        """The names of the modules that are released together, in the order of their release."""
        self.adapters: Any = None
        """The module that inserted adapters, if there are any."""
        self.recomputed: list[nn.Module] = []
        """Blocks that are not trained themselves, but compute again what is within them."""

    def prepare(
        self, settings: Transformers, vectors: Callable[[], Tensor], within: str = ""
    ) -> None:
        """Set the groups that are released, and what blocks keep; insert adapters if asked for.

        The blocks are those in the model's submodule `within`. `vectors` runs the encoder, on any
        input. Raises `Problem` for adapters that are not possible.
        """
        unused = _unused(self.model, vectors)
        frozen = settings.frozen_embeddings
        self.groups = block_groups(self.model, "model", frozen, unused, within=within)
        if settings.checkpointing:
            _compute_again(self.model)
        if settings.lora is not None:
            self.adapters = importlib.import_module(settings.lora.implementation)
            self.model = self.adapters.adapted(self.model, settings.lora, self.named, within)
            self.groups = self.adapters.only_adapters(self.groups, self)
            self.adapters.refuse_idle(self.named, _unused(self.model, vectors), self)
            self.recomputed = [m for m in self.model.modules() if self._computes_again(m)]

    def _computes_again(self, module: nn.Module) -> bool:
        """Whether the module is a block that can compute again, and has adapters."""
        own = any(name.endswith(self.adapters.ADAPTERS) for name, _ in module.named_modules())
        block = isinstance(module, GradientCheckpointingLayer)
        return own and block and bool(module.gradient_checkpointing)

    def begin(self) -> None:
        """Called before the model runs: blocks with adapters compute again as trained ones do."""
        for block in self.recomputed:
            trained = any(weight.requires_grad for weight in block.parameters())
            block.training = trained and torch.is_grad_enabled()

    def merge(self) -> None:
        """After training, add the adapters to the layers that they are of."""
        if self.adapters is not None:
            self.adapters.merge(self.model)


def _unused(model: nn.Module, vectors: Callable[[], Tensor]) -> list[nn.Parameter]:
    """The model's weights that have no part in the vectors, such as a pooler's."""
    weights = list(model.requires_grad_(True).parameters())
    with torch.enable_grad():
        gradients = torch.autograd.grad(vectors().sum(), weights, allow_unused=True)
    model.requires_grad_(False)
    return [weight for weight, found in zip(weights, gradients) if found is None]


def _compute_again(model: Any) -> None:
    """Let blocks that are trained compute again what is within them, if the model can do that."""
    if model.supports_gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})

"""Low-rank adapters of attention's linear layers, by `peft` (Hu et al., 2021).

W becomes W + (alpha / rank) B A, and only A and B are trained, so Adam keeps its moments of these
alone. After training the products are added to W, and the model is again one of `transformers`:
what is saved needs no `peft`.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import Any

from torch import nn

from rjcma.encoders.blocks import Groups, blocks_of
from rjcma.encoders.pretrained import Named
from rjcma.encoders.settings import Lora
from rjcma.problem import Problem

LAYERS = (
    *("q_proj", "k_proj", "v_proj", "o_proj", "out_proj"),
    *("linear_q", "linear_k", "linear_v", "linear_out"),
)
"""The names that transformers gives to attention's linear layers; the latter in conformers."""

ADAPTERS = (".lora_A", ".lora_B")
"""How the names of modules end that hold what is trained."""


def adapted(model: nn.Module, settings: Lora, named: Named, within: str = "") -> nn.Module:
    """The model with adapters in the blocks `within` it, which change nothing yet; A is random.

    Raises `Problem` if `peft` is not installed, and for a model without such layers.
    """
    layers = [
        f"{block}.{name}"
        for block, module in blocks_of(model, within)
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear) and name.rpartition(".")[2] in LAYERS
    ]
    if not layers:
        expected = f"linear layers of attention called {', '.join(LAYERS)}"
        cure = f"set encoders.{named.modality}.lora to null"
        raise named.problem("a model without attention that adapters know", expected, cure)
    peft = _peft(f"encoders.{named.modality}.lora")
    config = peft.LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, target_modules=layers, lora_dropout=0.0
    )
    with_adapters: nn.Module = peft.inject_adapter_in_model(config, model)
    return with_adapters.eval().requires_grad_(False)


def only_adapters(groups: Groups, encoder: nn.Module) -> Groups:
    """The groups with the adapters alone that are within their modules."""
    names = [name for name, _ in encoder.named_modules() if name.endswith(ADAPTERS)]
    found = [
        tuple(name for name in names if any(name.startswith(f"{part}.") for part in group))
        for group in groups
    ]
    return tuple(group for group in found if group)


def refuse_idle(named: Named, unused: Collection[nn.Parameter], encoder: Any) -> None:
    """Raise `Problem` if adapters are among the `unused` weights of a block that is used."""
    idle = {id(weight) for weight in unused}
    for group in encoder.groups:
        for name in group:
            if any(id(weight) in idle for weight in encoder.get_submodule(name).parameters()):
                raise named.problem(
                    "a model whose attention reads the weights of its layers past adapters",
                    "one that calls these layers",
                    f"set encoders.{named.modality}.lora to null",
                )


def merge(model: nn.Module) -> None:
    """Add the adapters' products to the layers, and put these back in their places."""
    for name, module in list(model.named_modules()):
        layer: Any = module
        if hasattr(module, "lora_A") and hasattr(module, "get_base_layer"):
            layer.merge()
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, layer.get_base_layer())


def _peft(key: str) -> Any:
    try:
        return importlib.import_module("peft")
    except ModuleNotFoundError:
        raise Problem(
            file=key,
            found="no library peft",
            expected="the library of low-rank adapters",
            cure=f'pip install "rjcma[lora]", or set {key} to null',
        ) from None

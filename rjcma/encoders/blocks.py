"""The groups in which fine-tuning releases the blocks of a model of `transformers` (ours).

The last third of the blocks is released first, then the middle third, then the first. What stands
between blocks, or after the last one, is released with the block before it; what comes before all
blocks, the embeddings, stays frozen, or is released last with the first third.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from torch import nn

THIRDS = 3

Groups = tuple[tuple[str, ...], ...]
"""The names of the modules of each group."""


def block_groups(
    model: nn.Module,
    prefix: str,
    frozen_embeddings: bool = True,
    unused: Collection[nn.Parameter] = (),
    within: str = "",
) -> Groups:
    """The groups of a model, by the names that its modules have below `prefix`.

    Modules all of whose weights are `unused` are in no group, such as blocks after the layer that
    is read. Blocks are looked for in the submodule `within`.

    >>> class Model(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.embeddings = nn.Linear(2, 2)
    ...         self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(4))
    ...         self.norm = nn.LayerNorm(2)
    >>> block_groups(Model(), "m")
    (('m.layers.2', 'm.layers.3', 'm.norm'), ('m.layers.1',), ('m.layers.0',))
    >>> block_groups(Model(), "m", frozen_embeddings=False)[-1]
    ('m.embeddings', 'm.layers.0')
    """
    idle = {id(weight) for weight in unused}
    blocks = {
        name: block
        for name, block in blocks_of(model, within)
        if any(id(weight) not in idle for weight in block.parameters())
    }
    owners = {id(p): name for name, block in blocks.items() for p in block.parameters()}
    parts: dict[str, list[str]] = {name: [name] for name in blocks}
    last, before = "", list[str]()
    for name, weights in _weights(model):
        if all(id(weight) in idle for weight in weights):
            continue
        own = {owners.get(id(weight), "") for weight in weights}
        if own != {""}:
            last = next(iter(own))
        else:
            (parts[last] if last else before).append(name)
    thirds = _thirds(list(parts.values()))
    if before and thirds and not frozen_embeddings:
        thirds[-1] = [before, *thirds[-1]]
    return tuple(tuple(f"{prefix}.{name}" for part in third for name in part) for third in thirds)


def _thirds(parts: Sequence[list[str]]) -> list[Sequence[list[str]]]:
    """The last third of the parts, the middle one and the first, as far as there are so many."""
    count = len(parts)
    cuts = [count - math.ceil(count * n / THIRDS) for n in range(THIRDS + 1)]
    return [parts[low:high] for high, low in pairwise(cuts) if high > low]


def blocks_of(model: nn.Module, within: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The blocks of a model in their order, by name; only those in the submodule `within`."""
    return _items(model.get_submodule(within), within)


def _items(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """The items of lists of modules; of lists of stages, their items."""
    for own, child in module.named_children():
        path = f"{name}.{own}" if name else own
        parts = list(_items(child, path))
        if isinstance(module, nn.ModuleList) and not parts:
            yield path, child
        else:
            yield from parts


def _weights(model: nn.Module) -> Iterator[tuple[str, list[nn.Parameter]]]:
    """The modules that have weights of their own, in their order."""
    for name, module in model.named_modules():
        if name and (own := list(module.parameters(recurse=False))):
            yield name, own

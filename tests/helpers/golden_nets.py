"""The reference networks of tests/golden: shapes of parameters, inputs and outputs."""

from __future__ import annotations

import json
import sys

import numpy as np
import places
import torch
from torch import Tensor

sys.path.append(str(places.GOLDEN))
import seeded

SHAPES: dict[str, dict[str, list[int]]] = json.loads((places.GOLDEN / "nets_keys.json").read_text())
"""The shape of each parameter, by network."""


def weights(network: str) -> dict[str, Tensor]:
    """The weights of a reference network, by its own names."""
    arrays = seeded.weights({name: tuple(shape) for name, shape in SHAPES[network].items()})
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


def inputs(name: str, shape: tuple[int, ...]) -> Tensor:
    """An input of the reference network."""
    return torch.from_numpy(seeded.array(name, shape))


def outputs(name: str) -> Tensor:
    """An output of the reference network."""
    with np.load(places.GOLDEN / "nets.npz") as stored:
        return torch.from_numpy(stored[name])

"""A run's weights on disk, with all that is needed to use them, and back again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from rjcma import device
from rjcma.corpus.manifest import Clip, replace
from rjcma.fusion.network import Network, build
from rjcma.fusion.settings import Fusion
from rjcma.problem import Problem
from rjcma.training import backbones, sources
from rjcma.training.encoders import Encoder, Encoders
from rjcma.training.loader import Loader
from rjcma.training.predict import Series, predict
from rjcma.training.sections import fine_tuned
from rjcma.training.windows import Windows

WEIGHTS = "weights.safetensors"
KEY = "run"  # the file's only metadata key: safetensors writes several in no fixed order


class Saved(NamedTuple):
    """A trained network and what it was trained as."""

    network: Network
    """On the CPU, in evaluation mode."""
    about: dict[str, Any]
    """target, fold, folds, params (the sections), features and labels (digests)."""

    @property
    def windows(self) -> Windows:
        """The windows that it was trained on."""
        return Windows(**self.about["params"]["windows"])

    def predict(
        self, clips: Sequence[Clip], folders: Mapping[str, Path], where: str = "auto"
    ) -> dict[str, Series]:
        """Predictions (T,) for clips whose features lie in these folders, by modality.

        Raises `Problem` for features that are missing or not what the network was trained on.
        """
        names = {**self.about["params"]["encoders"]["features"], "text": "text"}
        features = {m: names[m] for m in self.network.encoders}
        unlabelled = [clip.model_copy(update={"partition": "test"}) for clip in clips]
        opened = sources.open_all(unlabelled, dict(folders), features, Path(), "valence")
        for m, encoder in self.network.encoders.items():
            if opened and isinstance(encoder, backbones.Standardised):
                _refuse_another_width(opened[0].tracks[m].path, opened[0], m, encoder.width)
        there = device.choose(where)
        size = self.about["params"]["training"]["batch"]
        with Loader(opened, self.windows.frames, there) as loader:
            return predict(self.network.to(there), opened, self.windows, size, loader)


def write(folder: Path, network: Network, about: Mapping[str, Any]) -> None:
    """Write a network's weights, with what they are, as `load_run` wants them."""
    tensors = {key: value.cpu().contiguous() for key, value in network.state_dict().items()}
    replace(
        folder / WEIGHTS, save(tensors, metadata={KEY: json.dumps(dict(about), sort_keys=True)})
    )


def load_run(folder: Path) -> Saved:
    """The network of a run, with its best epoch's weights, ready to use.

    `folder` is a run's (data/runs/valence-0). Raises `Problem` where that holds no whole run.
    """
    path = folder / WEIGHTS
    tensors, about = _read(path)
    try:
        network = _network(about["params"], tensors)
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValidationError, RuntimeError) as error:
        raise _problem(path, f"weights of another version ({error})") from None
    return Saved(network.eval(), about)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()[KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
    except (FileNotFoundError, NotADirectoryError):
        raise _problem(path, "no such file") from None
    except SafetensorError as error:
        raise _problem(path, f"no safetensors ({error})") from None
    except (KeyError, TypeError, ValueError):
        raise _problem(path, "weights that do not say what run they are of") from None


def _network(params: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Network:
    """The architecture that the params describe, with weights yet to be loaded."""
    fusion, windows = Fusion(**params["fusion"]), Windows(**params["windows"])
    settings = Encoders(**params["encoders"])
    encoders: dict[str, nn.Module] = {}
    for m in fusion.modalities:
        if fine_tuned(m, settings):
            kind: Encoder = getattr(settings, m)
            encoders[m] = backbones.build(m, kind.model_copy(update={"weights": "none"}))
        else:
            width = tensors[f"encoders.{m}.mean"].shape[0]
            encoders[m] = backbones.Standardised(torch.zeros(width), torch.ones(width))
    return build(encoders, fusion, params["recursions"], windows.frames)


def _refuse_another_width(path: Path, source: sources.Source, m: str, width: int) -> None:
    shape = source.tracks[m].value_shape
    if shape != (width,):
        raise Problem(
            clip=source.clip.name,
            file=path,
            found=f"{m} vectors of {shape[0]} numbers",
            expected=f"{width}, as the network was trained on",
            cure="use the features that the run was trained on, or train anew",
        )


def _problem(path: Path, found: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected="the weights that a run leaves in its folder",
        cure="name the folder of a finished run, such as data/runs/valence-0",
    )

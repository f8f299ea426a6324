"""A run's weights on disk, with all that is needed to use them, and back again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rjcma import device
from rjcma.encoders.standardised import Standardised
from rjcma.fusion.network import Network
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.training.clip_data import ClipData, open_all
from rjcma.training.loader import Loader
from rjcma.training.network import input_shapes, restored
from rjcma.training.predict import Series, predict
from rjcma.training.sections import Settings

WEIGHTS = "weights.safetensors"
KEY = "run"  # the file's only metadata key: safetensors writes several in no fixed order


class Saved(NamedTuple):
    """A trained network and what it was trained as."""

    network: Network
    """On the CPU, in evaluation mode."""
    about: dict[str, Any]
    """target, fold, params, features and labels (digests)."""
    settings: Settings
    """The params, as far as they shaped it."""

    def predict(
        self, clips: Sequence[Clip], folders: Mapping[str, Path], where: str = "auto"
    ) -> dict[str, Series]:
        """Predictions (T,) for clips whose features lie in these folders, by modality.

        Raises `Problem` for features that are missing or not what the network was trained on.
        """
        opened = open_all(clips, folders, input_shapes(self.settings), None, "valence")
        for m, encoder in self.network.encoders.items():
            if opened and isinstance(encoder, Standardised):
                _refuse_another_width(opened[0], m, encoder.width)
        there = device.choose(where)
        windows, size = self.settings.windows, self.settings.training.batch
        with Loader(opened, windows.frames, there) as loader:
            return predict(self.network.to(there), opened, windows, size, loader)


def write(path: Path, network: Network, about: Mapping[str, Any]) -> None:
    """Write a network's weights, with what they are, as `load_run` wants them."""
    tensors = {key: value.cpu().contiguous() for key, value in network.state_dict().items()}
    save_file(tensors, path, metadata={KEY: json.dumps(dict(about), sort_keys=True)})


def load_run(folder: Path) -> Saved:
    """The network of a run, with its best epoch's weights, ready to use.

    `folder` is a run's (data/runs/valence-0). Raises `Problem` where that holds no whole run.
    """
    path = folder / WEIGHTS
    tensors, about = _read(path)
    try:
        settings = Settings.of_keyed(about["params"], path)
        network = restored(tensors, settings)
    except Problem as problem:
        raise _problem(path, f"weights of another version ({problem.found})") from None
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise _problem(path, f"weights of another version ({error})") from None
    return Saved(network.eval(), about, settings)


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


def _refuse_another_width(data: ClipData, modality: str, width: int) -> None:
    values = data.readers[modality]
    if values.value_shape != (width,):
        raise Problem(
            clip=data.clip.name,
            file=values.path,
            found=f"{modality} vectors of {values.value_shape[0]} numbers",
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

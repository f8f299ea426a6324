"""Writes a run's weights, with the metadata needed to use them, and reads them back."""

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
from rjcma.training.delay import later
from rjcma.training.loader import Loader
from rjcma.training.network import input_shapes, restored
from rjcma.training.predict import Series, predict
from rjcma.training.sections import Settings

WEIGHTS = "weights.safetensors"
KEY = "run"  # the only metadata key written here: safetensors writes several in no fixed order


class Saved(NamedTuple):
    """A trained network with its metadata and settings."""

    network: Network
    """On the CPU, in evaluation mode."""
    metadata: dict[str, Any]
    """target, fold, params, and the digests of features and labels."""
    settings: Settings
    """The params that affect a run."""

    def predict(
        self, clips: Sequence[Clip], folders: Mapping[str, Path], device_name: str = "auto"
    ) -> dict[str, Series]:
        """Predictions (T,) by clip; `folders` has the folders of features by modality.

        Raises `Problem` for features that are missing or do not fit the network.
        """
        opened = open_all(clips, folders, input_shapes(self.settings), None, "")
        for m, encoder in self.network.encoders.items():
            if opened and isinstance(encoder, Standardised):
                _refuse_another_width(opened[0], m, encoder.width)
        chosen = device.choose(device_name)
        windows, size = self.settings.windows, self.settings.training.batch
        with Loader(opened, windows.frames, chosen) as loader:
            predictions = predict(self.network.to(chosen), opened, windows, size, loader)
        delay = float(self.metadata.get("delay", 0.0))
        times = {clip.name: clip.frame_times() for clip in clips}
        return {name: later(v, times[name], delay) for name, v in predictions.items()}


def write(path: Path, network: Network, metadata: Mapping[str, Any]) -> None:
    """Write a network's weights and metadata in the format that `load_run` reads."""
    tensors = {key: value.cpu().contiguous() for key, value in network.state_dict().items()}
    save_file(tensors, path, metadata={KEY: json.dumps(dict(metadata), sort_keys=True)})


def load_run(folder: Path) -> Saved:
    """The network of a run, with its best epoch's weights, ready to use.

    `folder` is the run's folder, such as data/runs/valence-0. Raises `Problem` if it does not
    contain a finished run.
    """
    path = folder / WEIGHTS
    tensors, metadata = _read(path)
    try:
        settings = Settings.of_keyed(metadata["params"], path)
        network = restored(tensors, settings, metadata.get("looks"))
    except Problem as problem:
        raise _problem(path, f"weights of another version ({problem.found})") from None
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise _problem(path, f"weights of another version ({error})") from None
    return Saved(network.eval(), metadata, settings)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, "pt") as file:
            metadata = json.loads(file.metadata()[KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except (FileNotFoundError, NotADirectoryError):
        raise _problem(path, "no such file") from None
    except SafetensorError as error:
        raise _problem(path, f"not a safetensors file ({error})") from None
    except (KeyError, TypeError, ValueError):
        raise _problem(path, "weights without the metadata of a run") from None


def _refuse_another_width(data: ClipData, modality: str, width: int) -> None:
    values = data.readers[modality]
    if values.value_shape != (width,):
        raise Problem(
            clip=data.clip.name,
            file=values.path,
            found=f"{modality} vectors of {values.value_shape[0]} numbers",
            expected=f"{width} numbers, as the network was trained on",
            cure="use the features that the run was trained on, or train the run again",
        )


def _problem(path: Path, found: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected="the weights of a finished run",
        cure="give the folder of a finished run, such as data/runs/valence-0",
    )

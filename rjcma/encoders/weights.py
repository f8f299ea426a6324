"""An encoder's weights from a file, by name; nothing in the file is ever executed."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rjcma.problem import Problem

TORCH = (".pth", ".pt")
"""Endings of files that torch wrote; any other is taken as safetensors."""

BACKBONE, CLASSIFIER = "backbone.", "logits."
"""Prefixes in files of a classifier, which has the encoder and layers that are of no use here."""

COUNTER = "num_batches_tracked"  # of a batch norm; older files lack it, and nothing reads it

BROKEN = (EOFError, RuntimeError, OSError, ValueError, LookupError, AttributeError, TypeError)
"""What `torch.load` raises, besides `UnpicklingError`, for bytes that it did not write."""


def load(encoder: nn.Module, modality: str, path: Path) -> None:
    """Give the encoder the weights of a file: its own, a classifier's, or a run's that hold it.

    A classifier's own layers are left out, and said on stderr. Raises `Problem`, with the names of
    what does not fit, for a file that is missing, spoilt, or of another architecture.
    """
    own = encoder.state_dict()
    found = own_part(read(path, modality), modality, path)
    optional = {key: value for key, value in own.items() if key.endswith(COUNTER)}
    if misfit := _misfit(own, {**optional, **found}):
        raise _problem(path, misfit, modality)
    encoder.load_state_dict({**optional, **found})


def read(path: Path, modality: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of one written by `torch.save`, by name."""
    try:
        path.open("rb").close()  # said first: the libraries describe a folder in many ways
        stored = _torch(path) if path.suffix.lower() in TORCH else load_file(path)
    except (FileNotFoundError, IsADirectoryError):
        raise _problem(path, "no such file", modality) from None
    except SafetensorError as error:
        raise _problem(path, f"no safetensors ({error})", modality) from None
    except pickle.UnpicklingError as error:
        raise _problem(path, _refused(str(error)), modality) from None
    except BROKEN as error:
        found = f"a file that torch cannot read ({_first_line(error)})"
        raise _problem(path, found, modality) from None
    if not isinstance(stored, Mapping) or not all(map(torch.is_tensor, stored.values())):
        raise _problem(path, f"{_described(stored)} instead of tensors by name", modality)
    return {str(key): value for key, value in stored.items()}


def own_part(stored: Mapping[str, Tensor], modality: str, path: Path) -> dict[str, Tensor]:
    """The encoder's part of what a file holds, by the encoder's own names."""
    prefix = f"encoders.{modality}."
    if run := {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}:
        return run
    if not any(key.startswith(BACKBONE) for key in stored):
        return dict(stored)
    ignored = [key for key in stored if key.startswith(CLASSIFIER)]
    if ignored:
        print(f"{path}: {', '.join(ignored)} not needed, left out", file=sys.stderr, flush=True)
    return {k.removeprefix(BACKBONE): v for k, v in stored.items() if k not in ignored}


def _torch(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _misfit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """What keeps the weights from fitting, or nothing."""
    both = [key for key in wanted if key in found]
    shapes = {
        key: f"{key} {tuple(found[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in both
        if found[key].shape != wanted[key].shape
    }
    finite = {key: bool(found[key].isfinite().all()) for key in both}
    reasons = {
        "missing": [key for key in wanted if key not in found],
        "unknown": [key for key in found if key not in wanted],
        "of another shape": list(shapes.values()),
        "with values that are not finite": [key for key in both if not finite[key]],
    }
    return "; ".join(
        f"weights {reason}: {', '.join(keys[:4])}{', …' if keys[4:] else ''} ({len(keys)})"
        for reason, keys in reasons.items()
        if keys
    )


def _refused(reason: str) -> str:
    """What `torch.load` would not unpickle, in short."""
    line = next((x for x in reason.splitlines() if "GLOBAL" in x or "Unsupported" in x), "")
    if "GLOBAL" not in line:
        return "a file that torch did not write, or that is cut off"
    name = line.partition("GLOBAL ")[2].split(" ")[0]
    return f"a pickle that would have to run code to be read ({name})"


def _described(stored: object) -> str:
    if isinstance(stored, Mapping):
        return f"a table of {', '.join(map(str, list(stored)[:4]))}"
    return type(stored).__name__


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _problem(path: Path, found: str, modality: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected=f"weights of the {modality} encoder, its own or a run's weights.safetensors",
        cure=f"correct encoders.{modality}.weights or .kind, or set weights to none to start from"
        " random ones",
    )

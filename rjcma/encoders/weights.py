"""Loads an encoder's weights from a file, by name; never executes code from the file."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rjcma.jobs.progress import say
from rjcma.problem import Problem

TORCH = (".pth", ".pt")
"""Suffixes of files written by `torch.save`; all other files are read as safetensors."""

BACKBONE, CLASSIFIER = "backbone.", "logits."
"""Prefixes in the file of a classifier: the encoder, and layers that are not needed here."""

COUNTER = "num_batches_tracked"  # of a batch norm; not used, and missing in older files

BROKEN = (EOFError, RuntimeError, OSError, ValueError, LookupError, AttributeError, TypeError)
"""What `torch.load` raises, besides `UnpicklingError`, for a file that torch did not write."""


def load(encoder: nn.Module, modality: str, path: Path) -> None:
    """Load the encoder's weights from a file: of the encoder alone, of a classifier, or of a run.

    A classifier's other layers are left out, and a line on stderr says so. Raises `Problem` if the
    file is missing, damaged, or of another architecture; the problem names what does not fit.
    """
    state = encoder.state_dict()
    stored = encoder_part(read(path, modality), modality, path)
    optional = {key: value for key, value in state.items() if key.endswith(COUNTER)}
    if misfit := _misfit(state, {**optional, **stored}):
        raise _problem(path, misfit, modality)
    encoder.load_state_dict({**optional, **stored})


def read(path: Path, modality: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of one written by `torch.save`, by name."""
    try:
        path.open("rb").close()  # first, since each library reports a folder in its own way
        stored = _torch(path) if path.suffix.lower() in TORCH else load_file(path)
    except (FileNotFoundError, IsADirectoryError):
        raise _problem(path, "no such file", modality) from None
    except SafetensorError as error:
        raise _problem(path, f"not a safetensors file ({error})", modality) from None
    except pickle.UnpicklingError as error:
        raise _problem(path, _why_refused(str(error)), modality) from None
    except BROKEN as error:
        found = f"a file that torch cannot read ({_first_line(error)})"
        raise _problem(path, found, modality) from None
    if not isinstance(stored, Mapping) or not all(map(torch.is_tensor, stored.values())):
        raise _problem(path, f"{_described(stored)} instead of tensors by name", modality)
    return {str(key): value for key, value in stored.items()}


def encoder_part(stored: Mapping[str, Tensor], modality: str, path: Path) -> dict[str, Tensor]:
    """The encoder's tensors among those of a file, by the encoder's own names."""
    prefix = f"encoders.{modality}."
    if of_run := {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}:
        return of_run
    if not any(key.startswith(BACKBONE) for key in stored):
        return dict(stored)
    ignored = [key for key in stored if key.startswith(CLASSIFIER)]
    if ignored:
        say(f"{path}: {', '.join(ignored)} not needed, left out")
    return {k.removeprefix(BACKBONE): v for k, v in stored.items() if k not in ignored}


def _torch(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _misfit(expected: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> str:
    """Why the weights do not fit; empty if they fit."""
    both = [key for key in expected if key in stored]
    shapes = {
        key: f"{key} {tuple(stored[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in both
        if stored[key].shape != expected[key].shape
    }
    finite = {key: bool(stored[key].isfinite().all()) for key in both}
    reasons = {
        "missing": [key for key in expected if key not in stored],
        "unknown": [key for key in stored if key not in expected],
        "of another shape": list(shapes.values()),
        "with values that are not finite": [key for key in both if not finite[key]],
    }
    return "; ".join(
        f"weights {reason}: {', '.join(keys[:4])}{', …' if keys[4:] else ''} ({len(keys)})"
        for reason, keys in reasons.items()
        if keys
    )


def _why_refused(reason: str) -> str:
    """In short, why `torch.load` refused to unpickle the file."""
    line = next((x for x in reason.splitlines() if "GLOBAL" in x or "Unsupported" in x), "")
    if "GLOBAL" not in line:
        return "a file that torch did not write, or one that is cut off"
    name = line.partition("GLOBAL ")[2].split(" ")[0]
    return f"a pickle that would run code when it is read ({name})"


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
        expected=f"weights of the {modality} encoder, alone or in a run's weights.safetensors",
        cure=f"correct encoders.{modality}.weights or encoders.{modality}.kind, or set"
        f" encoders.{modality}.weights to none to start from random weights",
    )

"""What of the encoders' settings is in keys: how each is used, and its weights by content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.encoders.settings import NONE, Encoders
from rjcma.jobs.digests import digest_file
from rjcma.jobs.recipe import Model
from rjcma.problem import Problem


def keyed(encoders: Encoders, modality: str) -> dict[str, str]:
    """A modality's encoder as plain values: its mode, its kind, and whether it has weights."""
    encoder = getattr(encoders, modality)
    weights = NONE if encoder.weights == NONE else "of a file"
    return {"mode": encoder.mode, "kind": encoder.kind, "weights": weights}


def models(encoders: Encoders, modalities: Sequence[str]) -> dict[str, Model]:
    """The digests of these modalities' files of weights, by params key, as far as there are such.

    A file that is missing is a problem, which is given and not raised.
    """
    named = {f"encoders.{m}.weights": getattr(encoders, m).weights for m in modalities}
    return {key: _identity(key, Path(name)) for key, name in named.items() if name != NONE}


def _identity(key: str, path: Path) -> Model:
    if path.is_file():
        return digest_file(path)
    return Problem(
        file=path,
        found="a folder" if path.is_dir() else "no such file",
        expected=f"weights of the {key.split('.')[1]} encoder ({key})",
        cure=f"put the file there (README says where it is to be had), correct {key}, or set it to"
        " none to start from random weights",
    )

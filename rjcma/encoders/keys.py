"""What keys contain of the encoders' settings: how each is used, and the content of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.encoders.settings import NONE, Encoders
from rjcma.jobs.digests import digest_file
from rjcma.jobs.recipe import Model
from rjcma.problem import Problem


def keyed(encoders: Encoders, modality: str) -> dict[str, str]:
    """A modality's encoder as plain values: mode, kind, and whether its weights are from a file."""
    encoder = getattr(encoders, modality)
    weights = NONE if encoder.weights == NONE else "of a file"
    return {"mode": encoder.mode, "kind": encoder.kind, "weights": weights}


def models(encoders: Encoders, modalities: Sequence[str]) -> dict[str, Model]:
    """The digests of these modalities' files of weights, by params key; random weights have none.

    For a missing file, a `Problem` stands in place of the digest; it is not raised.
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
        cure=f"put the file there (README says where to get it), correct {key}, or set {key} to"
        " none to start from random weights",
    )

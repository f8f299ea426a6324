"""The state of a run after its last finished epoch, kept until the run is done.

A checkpoint contains a key, the digest of everything that the run depends on. A checkpoint with
another key belongs to another run: it is ignored and overwritten.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from rjcma.jobs.files import replacing
from rjcma.jobs.progress import say


class Checkpoint:
    """One file, replaced as a whole after every epoch; without a `path`, nothing is kept."""

    def __init__(self, path: Path | None, key: str) -> None:
        self.path, self.key = path, key

    def load(self) -> dict[str, Any] | None:
        """The state that was saved last, on the CPU; None if there is no state with this key.

        Only tensors and plain values are read, so the file cannot run code.
        """
        if self.path is None or not self.path.is_file():
            return None
        try:
            stored = torch.load(self.path, map_location="cpu", weights_only=True)
            return stored["state"] if stored["key"] == self.key else None
        except (RuntimeError, EOFError, LookupError, TypeError, pickle.UnpicklingError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            say(f"{self.path}: unreadable ({reason}): the run starts again")
            return None

    def save(self, state: dict[str, Any]) -> None:
        """Replace the last state; it may hold tensors, numbers, strings, lists and dicts."""
        if self.path is None:
            return
        with replacing(self.path) as partial:
            torch.save({"key": self.key, "state": state}, partial)

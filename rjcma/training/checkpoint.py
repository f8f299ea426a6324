"""Where a run stands after its last finished epoch, kept beside its outputs until it is done.

A checkpoint carries a key, the digest of all that the run depends on. Another key is another run's:
its checkpoint is of no use here and is written over.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import torch

from rjcma.jobs.files import replacing


class Checkpoint:
    """One file, replaced as a whole after every epoch; a `path` of None keeps nothing."""

    def __init__(self, path: Path | None, key: str) -> None:
        self.path, self.key = path, key

    def load(self) -> dict[str, Any] | None:
        """What `save` was given last, on the CPU; None where there is nothing of this key.

        Tensors and plain values only are read: a file can run no code.
        """
        if self.path is None or not self.path.is_file():
            return None
        try:
            stored = torch.load(self.path, map_location="cpu", weights_only=True)
            return stored["state"] if stored["key"] == self.key else None
        except (RuntimeError, EOFError, LookupError, TypeError, pickle.UnpicklingError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            print(f"{self.path}: unreadable ({reason}): the run starts anew", file=sys.stderr)
            return None

    def save(self, state: dict[str, Any]) -> None:
        """Keep a state of tensors, numbers, strings, lists and dicts in place of the last one."""
        if self.path is None:
            return
        with replacing(self.path) as partial:
            torch.save({"key": self.key, "state": state}, partial)

"""Temporary names of a model that is not complete, beside its final one."""

from __future__ import annotations

import os
from pathlib import Path

from rjcma.jobs.files import partial_of


def part_of(target: Path) -> Path:
    """The part of a model that is a file, or of a published archive."""
    return partial_of(target)


def folder_of(target: Path) -> Path:
    """The folder in which a model that is a folder is put together."""
    return partial_of(target.with_name(target.name + ".folder"))


def settled(path: Path, target: Path) -> None:
    """Give a complete file or folder its final name, after all of it has reached the disk."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    for each in files:
        with each.open("rb") as file:
            os.fsync(file.fileno())
    path.rename(target)

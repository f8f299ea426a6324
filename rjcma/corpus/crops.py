"""Folders of face crops: `00001.jpg ...`, numbered by video frame, none where there is no face."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from rjcma.clipwise import digest_file, digest_text
from rjcma.corpus.settings import EXCLUDE
from rjcma.problem import Problem

SUFFIXES = (".jpg", ".jpeg", ".png")
VERSION = 1  # of what `digest` covers; raised when that changes


@dataclass(frozen=True)
class Crops:
    """What a folder of crops holds."""

    folder: Path
    signature: str
    """Of names, sizes and times of change: it stays while the crops do."""
    last: int
    """The highest frame number, counted from 1; 0 where there are no crops."""
    digest: str = ""
    """Of names and contents, once they have been read."""


def survey(folder: Path) -> Crops:
    """Look into a folder without opening a crop. What is hidden or no picture is passed over.

    Raises `Problem` for a picture whose name is no number from 1, and for two of one number.
    """
    with os.scandir(folder) as entries:
        stats = {entry.name: entry.stat() for entry in entries if _picture(entry.name)}
    numbers: dict[int, str] = {}
    for name in sorted(stats):
        number = _number(folder, name)
        if number in numbers:
            found = f"{numbers[number]} and {name}, two crops of one frame"
            raise _problem(folder, found, "one crop a frame")
        numbers[number] = name
    stamps = [(name, stats[name].st_size, stats[name].st_mtime_ns) for name in sorted(stats)]
    return Crops(folder, digest_text(json.dumps(stamps)), max(numbers, default=0))


def digest(folder: Path) -> str:
    """The digest of a folder's crops, their names and contents; each is read."""
    paths = sorted(path for path in folder.iterdir() if _picture(path.name))
    return digest_text(json.dumps([(path.name, digest_file(path)) for path in paths]))


def _picture(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def _number(folder: Path, name: str) -> int:
    stem = name.rpartition(".")[0]
    if not (stem.isascii() and stem.isdigit() and int(stem) > 0):
        raise _problem(folder, f"a crop named {name}", "the frame's number, from 00001.jpg")
    return int(stem)


def _problem(folder: Path, found: str, expected: str) -> Problem:
    cure = f"rename or remove the file, {EXCLUDE}"
    return Problem(file=folder, found=found, expected=expected, cure=cure)

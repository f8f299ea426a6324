"""Folders of face crops: `00001.jpg ...`, numbered by video frame; only frames with a face."""

from __future__ import annotations

import os
from pathlib import Path

from rjcma.problem import Problem

SUFFIXES = (".jpg", ".jpeg", ".png")


def by_frame(folder: Path, clip: str = "") -> dict[int, str]:
    """The names of the crops in a folder by frame, counted from 0; other files are ignored.

    No crop is opened. Raises `Problem` for a crop whose name is not a number from 1, and for two
    crops of one frame; `OSError` for a folder that cannot be read.
    """
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if _is_picture(entry.name))
    crops: dict[int, str] = {}
    for name in names:
        stem = name.rpartition(".")[0]
        if not (stem.isascii() and stem.isdigit() and int(stem) >= 1):
            expected = "the frame's number as the name, counted from 00001.jpg"
            raise _problem(folder / name, clip, f"a crop named {name}", expected)
        frame = int(stem) - 1
        if frame in crops:
            found = f"{crops[frame]} and {name}, two crops of one frame"
            raise _problem(folder / name, clip, found, "one crop per frame")
        crops[frame] = name
    return crops


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def _problem(path: Path, clip: str, found: str, expected: str) -> Problem:
    return Problem(
        clip=clip,
        file=path,
        found=found,
        expected=expected,
        cure="rename or remove the file, or name the clip in corpus.exclude to go on without it",
    )

"""Folders of face crops: `00001.jpg ...`, numbered by video frame; only frames with a face."""

from __future__ import annotations

import os
from pathlib import Path

from rjcma.problem import Problem

SUFFIXES = (".jpg", ".jpeg", ".png")


def by_frame(folder: Path, clip: str = "") -> dict[int, os.DirEntry[str]]:
    """The crops in a folder by frame, counted from 0; hidden and other files are ignored.

    No crop is opened. Raises `Problem` for a crop whose name is not a number from 1, and for two
    crops of one frame; `OSError` for a folder that cannot be read.
    """
    with os.scandir(folder) as entries:
        pictures = sorted((entry for entry in entries if _is_picture(entry.name)), key=_name)
    crops: dict[int, os.DirEntry[str]] = {}
    for entry in pictures:
        frame = _frame(entry, clip)
        if frame in crops:
            found = f"{crops[frame].name} and {entry.name}, two crops of one frame"
            raise _problem(entry, clip, found, "one crop per frame")
        crops[frame] = entry
    return crops


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def _frame(entry: os.DirEntry[str], clip: str) -> int:
    stem = entry.name.rpartition(".")[0]
    if not (stem.isascii() and stem.isdigit() and int(stem) >= 1):
        expected = "the frame's number as the name, counted from 00001.jpg"
        raise _problem(entry, clip, f"a crop named {entry.name}", expected)
    return int(stem) - 1


def _problem(entry: os.DirEntry[str], clip: str, found: str, expected: str) -> Problem:
    return Problem(
        clip=clip,
        file=entry.path,
        found=found,
        expected=expected,
        cure="rename or remove the file, or name the clip in corpus.exclude to go on without it",
    )

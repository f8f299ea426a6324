"""Names of clips: when two are the same, and which cannot be used."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from rjcma.corpus.settings import EXCLUDE
from rjcma.problem import Problem

LONGEST = 220
"""Bytes of a clip's name (ours). File systems allow 255 for a file; the temporary names of computed
files are up to 23 bytes longer than the clip's."""

UNUSABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, of bytes that are not UTF-8, and of ends of lines."""

FOLDERS = (".", "..")
"""Names that mean a folder, and the one above it; a video `...avi` has the stem `..`."""


def normal(name: str) -> str:
    """A name with composed letters: macOS may write é as two characters, e and an accent.

    >>> normal("e\\u0301") == "\\u00e9"
    True
    """
    return unicodedata.normalize("NFC", name)


def alike(name: str) -> str:
    """What two names have in common if drives that ignore capitals take them for the same."""
    return normal(name).lower()


def refuse(clip: str, file: Path) -> None:
    """Raise `Problem` if a clip's files, of which `file` is one, cannot have this name."""
    if found := _wrong(clip):
        raise Problem(
            clip=clip,
            file=file,
            found=found,
            expected=f"a name in one line, in UTF-8, of at most {LONGEST} bytes, that is no path",
            cure=f"rename the clip's files, {EXCLUDE}",
        )


def _wrong(clip: str) -> str:
    """What is wrong with a clip's name; empty if nothing is."""
    wrong = {char for char in clip if char == "/" or unicodedata.category(char) in UNUSABLE}
    if wrong:
        return f"{', '.join(map(ascii, sorted(wrong)))} in the name"
    if clip in FOLDERS:
        return f"the name {clip}, which means a folder"
    size = len(clip.encode("utf-8", "surrogateescape"))
    return f"a name of {size} bytes" if size > LONGEST else ""

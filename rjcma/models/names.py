"""Names of files that come from elsewhere: only plain ones are used as paths."""

from __future__ import annotations

from pathlib import PurePosixPath

LONGEST = 240
"""Characters of a path (ours; file systems allow 255 bytes for each name in it)."""


def is_plain(name: str) -> bool:
    """Whether a relative path stays below its folder on every system.

    >>> is_plain("graph/words.txt"), is_plain("../words.txt"), is_plain("/etc/passwd")
    (True, False, False)
    """
    parts = name.split("/")
    return (
        0 < len(name) <= LONGEST
        and name.isprintable()
        and not set(name) & set('\\:*?"<>|')
        and not any(part in ("", ".", "..") or part != part.strip() for part in parts)
        and not PurePosixPath(name).is_absolute()
    )

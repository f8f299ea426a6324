"""The digests by which keys hold inputs: of files' contents, without their provenance.

So a file that is made again by other code, with the same content, makes nothing else again. The
ledger of a file's folder knows the digest of its content. A file that no ledger knows, or that was
edited since, counts as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from rjcma.jobs.digests import digest_files
from rjcma.jobs.ledger import LEDGER, Ledger

MISSING = "missing"
"""Stands for the digest of a file that is not there; the stage that reads the file reports it."""


def digest_input(path: Path) -> str:
    """The digest of a file's content, or `MISSING`."""
    return digest_inputs([path])[0]


def digest_inputs(paths: Sequence[Path]) -> list[str]:
    """The digest of each file's content, or `MISSING`."""
    existing = [path for path in paths if path.is_file()]
    digests = dict(zip(existing, digest_files(existing), strict=True))
    return [_content(path, digests[path]) if path in digests else MISSING for path in paths]


def _content(path: Path, digest: str) -> str:
    ledger = path.with_name(LEDGER)
    if not ledger.is_file():
        return digest
    stat = ledger.stat()
    contents = _contents(path.parent, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return contents.get((path.name, digest), digest)


@functools.lru_cache(maxsize=8)
def _contents(folder: Path, _state: tuple[int, int, int]) -> dict[tuple[str, str], str]:
    """By name and digest of each file in a folder's ledger, the digest of its content.

    It is read again if the `_state` of the ledger's file has changed.
    """
    entries = Ledger(folder).entries
    return {(name, entry.digest): entry.of_content for name, entry in entries.items()}

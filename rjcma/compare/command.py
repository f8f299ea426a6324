"""The command `rjcma compare`: find two reports, compare them, and write the pages if asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rjcma.compare import page, sources
from rjcma.compare.comparison import compare as compared
from rjcma.compare.text import text
from rjcma.pages.site import INDEX


def compare(a: str, b: str, out: Path | None, count: int) -> str:
    """The comparison as text. Raises `Problem` if a report cannot be found, read or compared."""
    if out is not None:
        page.check(out)
    with tempfile.TemporaryDirectory(prefix="rjcma-") as scratch:
        pages = out is not None
        found_a = sources.find(a, Path(scratch) / "a", pages)
        found_b = sources.find(b, Path(scratch) / "b", pages)
        comparison = compared(found_a, found_b, count)
        if out is None:
            return text(comparison)
        page.write(comparison, out)
        return f"{text(comparison)}\n{out / INDEX}: written"

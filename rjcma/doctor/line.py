"""What was looked at, what was found, and what to do about it; by Python's own library alone."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """One thing that was looked at."""

    name: str
    found: str
    cure: str = ""
    """What to do, as an imperative; empty: it is as it should be."""

    def text(self) -> str:
        """The line, as it is printed.

        >>> Line("disk", "2 GB free", "free 3 GB").text()
        'TO DO  disk        2 GB free: free 3 GB'
        """
        state = "TO DO" if self.cure else "ok"
        cure = f": {self.cure}" if self.cure else ""
        return " ".join(f"{state:<5}  {self.name:<11} {self.found}{cure}".split("\n"))


def failure(name: str, error: BaseException, cure: str) -> Line:
    """The line for something that broke while it was looked at."""
    words = " ".join(str(error).split())[:200]
    return Line(name, f"{type(error).__name__}: {words}" if words else type(error).__name__, cure)


def gigabytes(count: float) -> str:
    """Bytes in words.

    >>> gigabytes(2_345_678_901), gigabytes(56_000_000)
    ('2.3 GB', '56 MB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"

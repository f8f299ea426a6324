"""How far a download is: a bar on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

from rjcma.jobs.progress import PLAIN_LINE_EVERY, say


class Telling:
    """Shows the bytes that are here, the rate and the time left. Call it with both numbers."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = self._said = time.monotonic()
        self._first: int | None = None
        self._bar = tqdm(desc=what, unit="B", unit_scale=True) if sys.stderr.isatty() else None

    def __call__(self, have: int, total: int | None) -> None:
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(have - self._bar.n)
            return
        if self._first is None:
            self._first = have
        now = time.monotonic()
        if now - self._said >= PLAIN_LINE_EVERY:
            self._said = now
            say(line(self._what, have, total, (have - self._first) / (now - self._began)))

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()


def line(what: str, have: int, total: int | None, rate: float) -> str:
    """A line of progress; `rate` is in bytes a second.

    >>> line("vosk", 450_000_000, 1_800_000_000, 9e6)
    'vosk: 450.0 MB of 1.8 GB, 9.0 MB a second, 150 s left'
    """
    of = f" of {amount(total)}" if total is not None else ""
    left = f", {(total - have) / rate:.0f} s left" if total is not None and rate > 0 else ""
    return f"{what}: {amount(have)}{of}, {amount(rate)} a second{left}"


def amount(count: float) -> str:
    """Bytes in words.

    >>> amount(229738)
    '229.7 kB'
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"

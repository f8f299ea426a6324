"""The progress of work: a bar on a terminal, else a plain line now and then."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

PLAIN_LINE_EVERY = 10.0
"""Seconds between lines if there is no terminal (ours)."""


class Progress:
    """Shows how many of `total` things are done, with rate and time left.

    `what` names the work, and `unit` one thing. `last_line` says whether a line is printed at the
    end, however short the work was.
    """

    def __init__(
        self, what: str, total: int, unit: str = "clip", *, last_line: bool = True
    ) -> None:
        self.what, self.total, self.unit, self.last_line = what, total, unit, last_line
        self.done = self.failed = 0
        self.began = self.said = time.monotonic()
        alone = multiprocessing.parent_process() is None
        shown = total > 1 and alone and sys.stderr.isatty()
        self.bar = tqdm(total=total, desc=what, unit=unit) if shown else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, *, failed: bool = False) -> None:
        """Count one more thing as done, or as failed."""
        self.done, self.failed = self.done + 1, self.failed + failed
        if self.bar is not None:
            self.bar.update()
            return
        now = time.monotonic()
        last = self.last_line and self.done == self.total
        if last or now - self.said >= PLAIN_LINE_EVERY:
            self.said = now
            say(self._line(now - self.began))

    def _line(self, seconds: float) -> str:
        rate = self.done / max(seconds, 1e-9)
        shown = f"{rate:.2g}" if rate < 99 else f"{rate:.0f}"  # .2g of 500 is 5e+02
        line = f"{self.what}: {self.done}/{self.total} {self.unit}s done, {shown} a second"
        left = (self.total - self.done) / rate
        line += f", {left:.0f} s left" if self.done < self.total else ""
        return line + (f", {self.failed} failed" if self.failed else "")


def watched(what: str, total: int, unit: str, items: Iterable[T]) -> Iterator[T]:
    """The same items, `total` of them, with their progress shown: of a job that may take long.

    A worker among others shows plain lines, for only one process can draw a bar. Nothing is shown
    if `total` is 0, where the number is not known.
    """
    if not total:
        yield from items
        return
    with Progress(what, total, unit, last_line=False) as progress:
        for item in items:
            yield item
            progress.step()


def say(line: str) -> None:
    """Print a line on stderr at once, in one piece: other processes print there too."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()

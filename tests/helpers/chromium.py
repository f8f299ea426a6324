"""The installed Chromium, driven by Playwright, for tests of pages that are opened from disk."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = shutil.which("chromium")


@contextmanager
def browsing() -> Iterator:
    """A browser; the test is skipped where there is none."""
    if PROGRAM is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="there is no Playwright here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=PROGRAM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


PATIENCE = 10.0
"""Seconds until what is to be seen on a page must be there; on most machines it takes moments."""


def eventually(page, is_so: Callable[[], bool]) -> bool:
    """Whether something comes to be so while the page goes on."""
    last = time.monotonic() + PATIENCE
    while not (so := is_so()) and time.monotonic() < last:
        page.wait_for_timeout(20)
    return so


class Opened:
    """A page from disk, and what went wrong on it."""

    def __init__(self, browser, path: Path, *, width=1200, height=900, at="", **context) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, **context)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.resolve().as_uri() + at)

    def _heard(self, message) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    @property
    def left(self) -> list[str]:
        """Requests that are not for files of this machine."""
        return [url for url in self.requests if not re.match(r"(file|data|blob):", url)]

    def close(self) -> None:
        self.context.close()

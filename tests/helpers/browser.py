"""Pages in headless Chromium: what is installed is driven, and nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: install the package chromium to test pages"
)


@contextmanager
def chromium() -> Iterator[object]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser, path: Path, **options) -> Iterator[SimpleNamespace]:
    """A page from disk -> the page, and the complaints and requests so far.

    `options` are those of a browser's context: viewport, color_scheme, reduced_motion.
    """
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
    page = context.new_page()
    seen = SimpleNamespace(page=page, complaints=[], requests=[])
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda message: _hear(seen, message))
    page.on("request", lambda request: seen.requests.append(request.url))
    page.goto(path.resolve().as_uri())
    try:
        yield seen
    finally:
        context.close()


def _hear(seen, message) -> None:
    if message.type in ("error", "warning"):
        seen.complaints.append(f"{message.type}: {message.text}")

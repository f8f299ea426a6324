"""What the report's pages cost to open and to use: `python -m benchmarks.pages`.

It measures, in headless Chromium (Debian's package `chromium`): how large the report of the
current corpus is (`data/report`, after `make repro`), how long its front page takes until the
figures that are seen first are drawn, and how long its longest clip's page takes. Then a page of a
made clip of 10 minutes, 18,000 frames, with two targets, five folds, faces, sound and words: how
long it takes, and how many pictures a second are drawn while it is panned and while it is zoomed.

Times count from the click to the moment when the browser has painted. Each page is opened in a
window of its own, several times; the median is given, with the slowest. A page's own work is the
time for which its thread has had a core, which says more where others use the machine too.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from rjcma import store
from rjcma.audio.windows import WINDOW_ROWS
from rjcma.manifest import Clip
from rjcma.pages import predictions
from rjcma.pages.clip_view import ClipView, FoldSeries
from rjcma.pages.site import CLIPS, PLOTLY
from rjcma.speech.words import Word
from rjcma.store import FeatureReader

FRAMES, FPS, FOLDS = 18_000, 30, 5
CROPS, SIDE, WORDS = 600, 48, 1_500
REPEATS, MOVES = 5, 150

DRAWN = """() => {
  const near = [...document.querySelectorAll("[data-figure]")].filter(
    (figure) => figure.getBoundingClientRect().top < innerHeight);
  return document.readyState === "complete" && near.every((figure) => "drawn" in figure.dataset);
}"""
READY = "() => document.querySelector('[data-ready]') !== null"
NOW = """() => new Promise((tell) => requestAnimationFrame(
  () => setTimeout(() => tell(performance.now()))))"""
COUNT = """() => {
  window.pictures = [];
  const note = (time) => { window.pictures.push(time); requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""


def opened(browser: Browser, path: Path, condition: str) -> tuple[Page, CDPSession, float]:
    """A page in a window of its own, its measures, and the seconds until it met the condition."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    measures = page.context.new_cdp_session(page)
    measures.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(path.resolve().as_uri(), wait_until="commit")
    page.wait_for_function(condition, polling=10)
    return page, measures, page.evaluate(NOW) / 1000


def worked(measures: CDPSession) -> float:
    """The seconds for which the page's thread has had a core; others' work is not counted."""
    metrics = measures.send("Performance.getMetrics")["metrics"]
    return next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")


def opening(browser: Browser, name: str, path: Path, condition: str) -> None:
    """Print how long a page takes."""
    times, own = [], []
    for _ in range(REPEATS):
        page, measures, seconds = opened(browser, path, condition)
        times.append(seconds)
        own.append(worked(measures))
        page.context.close()
    print(f"{name}: {statistics.median(times):.2f} s, the slowest {max(times):.2f} s; ", end="")
    print(f"its own work {statistics.median(own):.2f} s")


def moving(page: Page, measures: CDPSession, name: str, move: Callable[[int], None]) -> None:
    """Print the pictures a second while something is moved, and the work for each of them."""
    before = worked(measures)
    page.evaluate(COUNT)
    for step in range(MOVES):
        move(step)
    times = np.array(page.evaluate("() => window.pictures"))
    gaps, own = np.diff(times), (worked(measures) - before) * 1000
    print(f"{name}: {1000 / gaps.mean():.0f} pictures a second, 95 % within ", end="")
    print(f"{np.quantile(gaps, 0.95):.0f} ms; own work {own / len(times):.1f} ms a picture")


def made_clip(folder: Path) -> ClipView:
    """A clip of 10 minutes with all that a page shows."""
    random = np.random.default_rng(1)
    clip = Clip(
        name="ten-minutes",
        video="ten-minutes",
        partition="validation",
        fps=FPS,
        frames=FRAMES,
        file="ten-minutes.mp4",
        video_digest="",
        decoded=FRAMES,
        times=None,
        faces=None,
        faces_digest="",
        sound=True,
    )
    crops = random.integers(0, 255, (CROPS, SIDE, SIDE, 3), dtype=np.uint8)
    store.write(folder / "faces.h5", crops, np.arange(FRAMES) % CROPS)
    index = np.arange(FRAMES) * 100 // FPS
    rows = random.normal(-2, 1, (int(index[-1]) + WINDOW_ROWS, 64)).astype(np.float32)
    store.write(folder / "logmel.h5", rows, index)
    starts = np.linspace(0, FRAMES / FPS - 1, WORDS)
    return ClipView(
        clip=clip,
        ranges={"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)},
        truth={target: wave(random) for target in ("valence", "arousal")},
        folds={
            target: [FoldSeries(fold, fold != 1, wave(random)) for fold in range(FOLDS)]
            for target in ("valence", "arousal")
        },
        words=[Word(f"word{n}", float(s), float(s) + 0.3, 1.0) for n, s in enumerate(starts)],
        faces=FeatureReader(folder / "faces.h5", clip=clip.name, frames=FRAMES),
        logmel=FeatureReader(folder / "logmel.h5", clip=clip.name, frames=FRAMES, span=WINDOW_ROWS),
        video=clip.file,
        videos=".",
    )


def wave(random: np.random.Generator) -> np.ndarray:
    """A slow series with noise, (FRAMES,) in [-1, 1]."""
    steps = random.normal(0, 0.02, FRAMES).cumsum()
    return np.sin(steps + random.normal(0, 0.05, FRAMES))


def long_clip(browser: Browser) -> None:
    """The page of the made clip: opened, panned, zoomed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        predictions.write([made_clip(folder)], folder / "report")
        path = folder / "report" / "clips" / "ten-minutes.html"
        opening(browser, "page of 18,000 frames", path, READY)
        page, measures, _ = opened(browser, path, READY)
        page.locator("[data-part=timeline]").scroll_into_view_if_needed()
        box: Any = page.locator("[data-part=traces]").bounding_box()
        middle, level = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
        for _ in range(2):
            page.locator("[data-do=closer]").click()
        page.locator("[data-do=drag]").click()
        page.mouse.move(middle, level)
        page.mouse.down()
        pan = partial(sideways, page, middle, box["width"] / 3, level)
        moving(page, measures, "panned", pan)
        page.mouse.up()
        page.locator("[data-do=all]").click()
        buttons = [page.locator(f"[data-do={name}]") for name in ("closer", "wider")]
        moving(
            page, measures, "zoomed", lambda step: buttons[step // 16 % 2].dispatch_event("click")
        )
        page.context.close()


def sideways(page: Page, middle: float, sway: float, level: float, step: int) -> None:
    """Move the mouse to the left and to the right, by `sway` pixels."""
    page.mouse.move(middle + sway * np.sin(step / 12), level)


def report(browser: Browser, folder: Path) -> None:
    """The size of a report, and its front page and longest clip's page."""
    files = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    megabytes = [size / 1e6 for size in (sum(files.values()), files[folder / "assets" / PLOTLY])]
    print(f"{folder}: {megabytes[0]:.1f} MB in {len(files)} files, {megabytes[1]:.1f} of Plotly")
    opening(browser, "front page", folder / "index.html", DRAWN)
    data = [path for path in files if path.parent.name == CLIPS and path.suffix == ".js"]
    longest = max(data, key=files.__getitem__)
    opening(browser, "longest clip", folder / CLIPS / f"{longest.stem}.html", READY)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("report", nargs="?", type=Path, default=Path("data/report"))
    given = parser.parse_args().report
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        if (given / "index.html").is_file():
            report(chromium, given)
        long_clip(chromium)
        chromium.close()

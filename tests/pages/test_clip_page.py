"""The page of a clip in Chromium: video, cursor, words and keys agree."""

from __future__ import annotations

import clip_world
import pytest
from chromium import Opened, eventually
from clip_world import FPS, WORDS, shows

CURSOR = """() => {
  const left = (part) => document.querySelector(`[data-part="${part}"]`).getBoundingClientRect().x;
  return left("cursor") - left("timeline");
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    root = tmp_path_factory.mktemp("clip")
    clip_world.film(root / "videos" / "anna.mp4")
    return clip_world.write(root, clip_world.view(root / "features"))


@pytest.fixture(scope="module")
def at_work(browser, pages):
    """The page, opened once: a browser without a graphics card takes seconds."""
    there = Opened(browser, pages / "anna.html")
    there.page.wait_for_selector("[data-ready]")
    there.page.wait_for_selector('[data-video="there"]')
    yield there
    there.close()


@pytest.fixture
def opened(at_work):
    at_work.page.keyboard.press("Home")
    yield at_work
    assert at_work.errors == [] and at_work.left == []


def frame(page) -> int:
    """The present frame, as the page tells it."""
    return int(page.locator('[data-part="clock"]').inner_text().split("frame ")[1])


def lit(page) -> str | None:
    words = page.locator("[data-word][aria-current]")
    return words.inner_text() if words.count() else None


def x_of(page, seconds) -> float:
    """Where a time lies in the timeline, by the ticks that Plotly has drawn."""
    ticks = page.evaluate(
        """() => [...document.querySelectorAll('.xtick text')].map((tick) => {
          const box = tick.getBoundingClientRect();
          return [parseFloat(tick.textContent), box.x + box.width / 2];
        })"""
    )
    (first, left), (last, right) = ticks[0], ticks[-1]
    return left + (seconds - first) / (last - first) * (right - left)


@pytest.mark.parametrize("seconds", [0.7, 2.3, 3.5])
def test_a_click_on_a_trace_seeks_video_cursor_and_word(opened, seconds):
    page = opened.page
    traces = page.locator('[data-part="traces"]')
    traces.scroll_into_view_if_needed()
    box = traces.bounding_box()
    page.mouse.click(x_of(page, seconds), box["y"] + 90)
    now = frame(page)
    assert abs(now / FPS - seconds) <= 1.5 / FPS
    assert shows(page, now)
    left = page.locator('[data-part="timeline"]').bounding_box()["x"]
    assert abs(page.evaluate(CURSOR) + left - x_of(page, now / FPS)) <= 2
    expected = [w.text for w in WORDS if w.start <= now / FPS < w.end]
    assert lit(page) == (expected[0] if expected else None)


def test_the_pointer_reads_the_values_of_every_line(opened, pages):
    page = opened.page
    box = page.locator('[data-part="traces"]').bounding_box()
    page.mouse.move(x_of(page, 2.0) + 1, box["y"] + 90)
    told = page.locator('[data-part="hover"]').inner_text().split("\n")
    view = clip_world.view(pages.parents[1] / "again")
    truth, folds = view.truth["arousal"][50], [f.values[50] for f in view.folds["arousal"]]
    prediction = (folds[0] + folds[2]) / 2  # fold 1 was trained on the clip
    values = [f"{v:.3f}".replace("-", "−") for v in (truth, prediction, min(folds), max(folds))]
    assert told[0] == "0:02.00, frame 50" and told[3] == "Word: there."
    expected = "arousal: truth {}, prediction {}, folds {} to {}".format(*values)
    assert told[2] == expected
    page.mouse.move(5, 5)
    assert page.locator('[data-part="hover"]').is_hidden()


def test_a_drag_zooms_and_a_double_click_shows_the_whole_clip(opened):
    page = opened.page
    box = page.locator('[data-part="traces"]').bounding_box()
    level = box["y"] + 60
    page.mouse.move(x_of(page, 1), level)
    start, stop = x_of(page, 1), x_of(page, 3)
    page.mouse.move(start, level)
    page.mouse.down()
    page.mouse.move((start + stop) / 2, level, steps=3)
    page.mouse.move(stop, level, steps=3)
    page.mouse.up()
    left, width = box["x"] + 64, box["width"] - 76
    assert eventually(page, lambda: abs(x_of(page, 1) - left) <= 4)
    assert frame(page) == 0  # a drag does not seek
    assert x_of(page, 3) == pytest.approx(left + width, abs=4)
    canvas = page.locator('[data-part="words"]').bounding_box()
    page.mouse.click(left + width / 2, canvas["y"] + 10)  # the lanes have the same axis
    assert abs(frame(page) - 50) <= 1
    page.mouse.dblclick(left + width / 2, canvas["y"] + 10)
    assert eventually(page, lambda: abs(x_of(page, 0) - left) <= 2)


def test_a_click_on_a_word_seeks_to_its_first_frame(opened):
    page = opened.page
    page.locator("[data-word]", has_text="there.").click()
    assert frame(page) == 50 and lit(page) == "there."
    page.locator("[data-word]", has_text="Hello,").click()
    assert frame(page) == 6 and lit(page) == "Hello,"  # frame 5, at 0.20 s, is before the word
    assert shows(page, 6)


WATCH = """() => {
  window.seen = [];
  const note = () => {
    const word = document.querySelector("[data-word][aria-current]")?.textContent;
    if (word && word !== window.seen.at(-1)) window.seen.push(word);
  };
  const change = { subtree: true, attributeFilter: ["aria-current"] };
  new MutationObserver(note).observe(document.querySelector("[data-part=transcript]"), change);
}"""
SPOKEN = "() => window.seen.length > 1"


def test_words_light_up_while_the_video_plays(opened):
    page = opened.page
    page.evaluate(WATCH)
    page.get_by_label("Speed").select_option("0.5")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(SPOKEN)
    page.get_by_role("button", name="Pause").click()
    assert page.evaluate("window.seen")[:2] == [word.text for word in WORDS[:2]]
    page.wait_for_function("() => document.querySelector('video').paused")
    assert shows(page, frame(page) - 1, frame(page), frame(page) + 1)


def test_the_keyboard_plays_and_seeks(opened):
    page = opened.page
    for key, expected in [
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("Shift+ArrowRight", 26),
        ("Shift+ArrowLeft", 1),
        ("End", 99),
        ("ArrowRight", 99),
        ("Home", 0),
        ("]", 6),
        ("]", 14),
        ("]", 50),
        ("[", 14),
    ]:
        page.keyboard.press(key)
        assert frame(page) == expected, key
        assert shows(page, expected), key
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    assert "prediction" in page.locator("[aria-live]").inner_text()


def test_without_its_video_the_page_plays_the_rest(browser, tmp_path):
    pages = clip_world.write(tmp_path, clip_world.view(tmp_path / "features"))
    there = Opened(browser, pages / "anna.html")
    page = there.page
    page.wait_for_selector('[data-video="missing"]')
    page.evaluate(WATCH)
    page.keyboard.press("Space")
    page.wait_for_function(SPOKEN)
    page.keyboard.press("Space")
    assert page.evaluate("window.seen")[:2] == [word.text for word in WORDS[:2]]
    assert frame(page) >= 14  # the first frame of the second word
    assert [error for error in there.errors if "ERR_FILE_NOT_FOUND" not in error] == []
    there.close()

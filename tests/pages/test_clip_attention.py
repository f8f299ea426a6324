"""The attention on the page of a clip: its pictures show what was stored, linked to the traces."""

from __future__ import annotations

import clip_world
import numpy as np
import pytest
from chromium import Opened, eventually

from rjcma.attention.stored import from_bytes

STORED = (
    clip_world.attention("valence", largest=0.6),
    clip_world.attention("arousal", seed=3, largest=(1, 0.5, 0.2)),
)
"""Of the second, each modality has a largest value of its own."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    root = tmp_path_factory.mktemp("attention")
    clip_world.film(root / "videos" / "anna.mp4")
    return clip_world.write(root, clip_world.view(root / "features", attention=STORED))


@pytest.fixture(scope="module")
def at_work(browser, pages):
    there = Opened(browser, pages / "anna.html", color_scheme="light", height=1600)
    there.page.wait_for_selector("[data-ready]")
    yield there
    there.close()


@pytest.fixture
def page(at_work):
    """The page at the frame 0, with the networks of valence."""
    page = at_work.page
    page.get_by_label("valence", exact=True).check()
    page.keyboard.press("Home")
    page.locator('[data-part="attention"]').scroll_into_view_if_needed()
    page.wait_for_selector(".grid:not([hidden])")
    yield page
    assert at_work.errors == [] and at_work.left == []


def colours(page, place: int) -> np.ndarray:
    """The colours of a picture's cells, (n, n, 3)."""
    values = page.evaluate(
        """(place) => {
          const canvas = document.querySelectorAll(".matrix canvas")[place];
          const copy = new OffscreenCanvas(canvas.width, canvas.height);
          const pen = copy.getContext("2d", { willReadFrequently: true });
          pen.drawImage(canvas, 0, 0);
          return [...pen.getImageData(0, 0, copy.width, copy.height).data];
        }""",
        place,
    )
    found = np.array(values).reshape(-1, 4)[:, :3]
    return found.reshape(2 * [round(len(found) ** 0.5)] + [3])


def expected(matrix: np.ndarray, largest: float) -> np.ndarray:
    """Colours from blue over white (0) to vermillion, those of the light theme."""
    values = from_bytes(matrix)[..., None] / largest
    ends = np.where(values < 0, (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00))
    return 255 + (ends - 255) * np.abs(values)


def about(page) -> str:
    return page.locator(".attention .about").inner_text()


@pytest.mark.parametrize(("network", "window"), [(0, 0), (1, 1)])
def test_each_picture_shows_the_correlation_of_its_recursion_and_modality(page, network, window):
    page.get_by_label(STORED[network].target, exact=True).check()
    if window:
        page.get_by_role("button", name="Window →").click()
        page.get_by_role("button", name="Window →").click()
    name = f"Network {STORED[network].target}-1, window {window + 1} of 2"
    page.wait_for_function(
        "(t) => document.querySelector('.about').textContent.startsWith(t)", arg=name
    )
    captions = page.locator(".grid figcaption").all_inner_texts()
    assert captions[1:4] == [
        "Ca audio, recursion 1",
        "Ct text, recursion 1",
        "Cv visual, recursion 2",
    ]
    largest = float(np.abs(from_bytes(STORED[network].matrices[window])).max())
    last = expected(STORED[network].matrices[window, 1, 2], largest)
    assert eventually(page, lambda: np.allclose(colours(page, 5), last, atol=1))
    for place in range(6):
        matrix = STORED[network].matrices[window, place // 3, place % 3]
        np.testing.assert_allclose(colours(page, place), expected(matrix, largest), atol=1)
    page.get_by_label("Each picture to its own").check()
    for place in range(6):
        matrix = STORED[network].matrices[window, place // 3, place % 3]
        own = float(np.abs(from_bytes(matrix)).max())
        np.testing.assert_allclose(colours(page, place), expected(matrix, own), atol=1)
    page.get_by_label("Each picture to its own").uncheck()


def test_a_cell_tells_its_value_and_marks_both_times_in_the_traces(page):
    picture = page.locator(".matrix").nth(4)  # audio, recursion 2
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    row, column = 3, 12  # cells, each of 2 frames, at 25 frames a second
    at = [
        box["x"] + (column + 0.25) / 20 * box["width"],
        box["y"] + (row + 0.25) / 20 * box["height"],
    ]
    page.mouse.move(*at)
    value = float(from_bytes(STORED[0].matrices[0, 1, 1, row, column]))
    shown = f"{value:.3f}".replace("-", "−")
    told = page.locator(".reading").inner_text()
    assert told == f"audio at 0:00.24 “Hello,” with all at 0:00.96: {shown}"
    x = {
        part: page.locator(f'[data-part="{part}"]').bounding_box()["x"]
        for part in ("mark-row", "mark-column", "timeline")
    }
    width = page.locator('[data-part="timeline"]').bounding_box()["width"] - 64 - 12
    for part, seconds in (("mark-row", 0.24), ("mark-column", 0.96)):
        assert x[part] - x["timeline"] == pytest.approx(64 + seconds / 4 * width, abs=2)
    page.mouse.click(*at)
    assert "frame 24" in page.locator('[data-part="clock"]').inner_text()


def test_the_cursor_moves_in_every_picture(page):
    page.locator('[data-part="transcript"]').focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    lines = page.evaluate(
        """() => [...document.querySelectorAll(".matrix")].map((box) =>
          [box.querySelector(".row").style.top, box.querySelector(".column").style.left])"""
    )
    assert lines == [["26.25%", "26.25%"]] * 6  # frame 10 of 40: its middle


def test_where_no_window_was_kept_the_page_says_so(page):
    page.keyboard.press("End")
    page.wait_for_selector(".grid", state="hidden")
    assert "of this time no window was kept (2 of 5 were)" in about(page)
    page.get_by_role("button", name="← Window").click()
    page.wait_for_selector(".grid:not([hidden])")
    assert "window 2 of 2" in about(page)


def test_matrices_of_other_windows_are_loaded_when_they_are_shown(browser, pages):
    there = Opened(browser, pages / "anna.html", height=400)
    page = there.page
    page.wait_for_selector("[data-ready]")
    asked = [url.rsplit("/", 1)[1] for url in there.requests if "attention-" in url]
    assert asked == []
    page.locator('[data-part="attention"]').scroll_into_view_if_needed()
    page.wait_for_selector(".grid:not([hidden])")
    asked = [url.rsplit("/", 1)[1] for url in there.requests if "attention-" in url]
    assert asked == ["attention-0-0.js"]
    there.close()


def test_a_window_whose_matrices_are_missing_is_told_and_shows_no_others(browser, tmp_path):
    pages = clip_world.write(tmp_path, clip_world.view(tmp_path / "f", attention=STORED))
    (missing,) = (tmp_path / "report").rglob("attention-0-1.js")
    missing.unlink()
    there = Opened(browser, pages / "anna.html")
    page = there.page
    page.wait_for_selector("[data-ready]")
    page.locator('[data-part="attention"]').scroll_into_view_if_needed()
    page.wait_for_selector(".grid:not([hidden])")
    for _ in range(2):
        page.get_by_role("button", name="Window →").click()
    page.wait_for_selector(".grid", state="hidden")
    assert "window 2 of 2" in about(page) and "attention-0-1.js, or it is damaged" in about(page)
    page.get_by_role("button", name="← Window").click()
    page.wait_for_selector(".grid:not([hidden])")
    assert "window 1 of 2" in about(page) and "missing" not in about(page)
    assert not [each for each in there.errors if "ERR_FILE_NOT_FOUND" not in each]
    there.close()


@pytest.mark.parametrize(
    ("attention", "why"),
    [
        (None, "was not at hand"),
        ([clip_world.attention(windows=())._replace(fusion="concat")], "The fusion concat"),
        ([clip_world.attention(windows=())], "No attention was kept"),
        (
            [clip_world.attention(windows=())._replace(fusion="rjcma_gated")],
            "No attention was kept",
        ),
        ([clip_world.attention(windows=())._replace(fusion="released_gated")], "The fusion rel"),
    ],
)
def test_a_page_without_attention_says_why(tmp_path, attention, why):
    pages = clip_world.write(tmp_path, clip_world.view(tmp_path / "f", attention=attention))
    text = (pages / "anna.html").read_text()
    assert why in text and 'class="grid"' not in text

"""The pages of a comparison in a browser: figures, moments, and text that stays text."""

from __future__ import annotations

from contextlib import closing

import pytest
from chromium import Opened
from report_world import Report

from rjcma.compare import page
from rjcma.compare.comparison import compare

HOSTILE = "<img src=x onerror=window.ran=1>&{{7*7}}#?%41"
"""A name that a file may have."""

CLIPS = {HOSTILE: 203, "anna": 150, "bert": 170}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    b.predicted["valence"][HOSTILE][100:120] = 1
    a.predicted["valence"][HOSTILE][100:120] = -1
    a.together["bert"] = b.together["bert"] = "anna"
    sources = [a.write(folder / "a", "<b>first</b>"), b.write(folder / "b", "second")]
    page.write(compare(*sources, 6), folder / "out")
    return folder / "out"


def all_drawn(page) -> None:
    for figure in page.query_selector_all("[data-figure]"):
        figure.scroll_into_view_if_needed()
    missing = "document.querySelectorAll('[data-figure]:not([data-drawn])').length === 0"
    page.wait_for_function(missing)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_figures_are_drawn_without_a_complaint_and_fit_any_width(browser, out, scheme):
    for path in (out / "index.html", out / "clips/anna.html"):
        with closing(Opened(browser, path, color_scheme=scheme)) as seen:
            for width in (1440, 800, 390):
                seen.page.set_viewport_size({"width": width, "height": 800})
                all_drawn(seen.page)
                wide = seen.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width
            assert seen.errors == [] and seen.left == []


def test_names_with_markup_are_text(browser, out):
    with closing(Opened(browser, out / "index.html")) as seen:
        all_drawn(seen.page)
        assert seen.page.locator(".side-a").inner_text() == "A <b>first</b>"
        seen.page.locator("#clip-table").get_by_role("link", name=HOSTILE).click()
        assert seen.page.locator("h1").inner_text() == HOSTILE
        all_drawn(seen.page)
        assert seen.page.evaluate("window.ran") is None and seen.errors == []


def test_a_moment_leads_to_both_predictions_there(browser, out):
    with closing(Opened(browser, out / "index.html")) as seen:
        row = seen.page.locator(".moments tbody tr").first
        assert HOSTILE in row.inner_text() and "valence" in row.inner_text()
        row.get_by_role("link").first.click()
        seen.page.wait_for_selector("[data-drawn]")
        low, high = seen.page.evaluate("document.querySelector('[data-figure]').layout.xaxis.range")
        assert low < 11 < high and high - low == pytest.approx(12)
        seen.page.evaluate("location.hash = '#t=1.00'")
        seen.page.wait_for_function(
            "document.querySelector('[data-figure]').layout.xaxis.range[0] === 0"
        )


def test_clips_are_sorted_by_keyboard(browser, out):
    with closing(Opened(browser, out / "index.html")) as seen:
        names = "rows => rows.map((row) => row.cells[0].innerText)"
        before = seen.page.eval_on_selector_all("#clip-table tbody tr", names)
        head = seen.page.locator("#clip-table th[aria-sort] button")
        head.focus()
        seen.page.keyboard.press("Enter")
        after = seen.page.eval_on_selector_all("#clip-table tbody tr", names)
        assert after == before[::-1] and set(before) == set(CLIPS)

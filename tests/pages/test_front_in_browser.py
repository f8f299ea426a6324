"""The front page in a browser: figures, theme, keyboard, paper, and nothing from elsewhere."""

from __future__ import annotations

from contextlib import closing

import pages_world
import pytest
import scoring_world
from chromium import Opened

from rjcma.pages import report

HOSTILE = "<img src=x onerror=window.ran=1><script>window.ran=1<script>&{{7*7}}#?%41"
"""A name that a file may have."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = pages_world.make(tmp_path_factory.mktemp("world"))
    pages_world.ablate(world)
    results = scoring_world.results(world)
    report.write(renamed(results, "cleo", HOSTILE), world.report, pages_world.sources(world))
    return world


def renamed(results, name: str, other: str):
    """The results with another name for a clip."""

    def new(names):
        return [other if each == name else each for each in names]

    def keyed(values):
        return dict(zip(new(values), values.values(), strict=True))

    clips = [c.model_copy(update={"name": n}) for c, n in zip(results.clips, new(names(results)))]
    truth = {target: keyed(of_clips) for target, of_clips in results.truth.items()}
    runs = [
        run._replace(
            train=frozenset(new(run.train)),
            validation=tuple(new(run.validation)),
            predictions=keyed(run.predictions),
        )
        for run in results.runs
    ]
    return results._replace(clips=clips, truth=truth, runs=runs)


def names(results) -> list[str]:
    return [clip.name for clip in results.clips]


def front(world):
    return world.report / "index.html"


def scroll_through(page) -> None:
    """Bring every figure near what is seen."""
    for figure in page.query_selector_all("[data-figure]"):
        figure.scroll_into_view_if_needed()
    page.wait_for_function(
        "document.querySelectorAll('[data-figure]:not([data-drawn])').length === 0"
    )


def first_cells(page) -> list[str]:
    return page.eval_on_selector_all("#clip-table tbody th", "cells => cells.map(c => c.innerText)")


def test_all_figures_are_drawn_without_a_complaint_and_without_a_network(browser, world):
    with closing(Opened(browser, front(world))) as seen:
        scroll_through(seen.page)
        count = seen.page.locator("[data-figure]").count()
        assert seen.page.locator("[data-figure] .main-svg").count() >= count >= 9
        assert seen.errors == []
        assert seen.left == []


def test_a_name_with_markup_is_text_and_leads_to_its_page(browser, world):
    with closing(Opened(browser, front(world))) as seen:
        scroll_through(seen.page)
        assert HOSTILE in first_cells(seen.page)
        seen.page.get_by_role("link", name=HOSTILE).click()
        assert seen.page.locator("h1").inner_text() == HOSTILE
        assert seen.page.evaluate("window.ran") is None
        assert not any(url.rsplit("/", 1)[-1] == "x" for url in seen.requests)


def test_a_column_sorts_by_keyboard_both_ways_and_empty_cells_stay_last(browser, world):
    with closing(Opened(browser, front(world))) as seen:
        page = seen.page
        before = first_cells(page)
        head = page.get_by_role("columnheader", name="Mean CCC")
        assert head.get_attribute("aria-sort") == "ascending"
        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        assert first_cells(page) == [*before[-2::-1], "emil_test"]
        page.get_by_role("button", name="Clip", exact=True).focus()
        page.keyboard.press("Space")
        assert first_cells(page) == sorted(before)
        assert head.get_attribute("aria-sort") is None


def test_the_theme_changes_without_loading_and_is_kept_for_the_next_page(browser, world):
    with closing(Opened(browser, front(world), color_scheme="light")) as seen:
        page, button = seen.page, seen.page.locator("button.theme")
        page.wait_for_selector("[data-figure='front/folds'][data-drawn]")
        label = "document.querySelector('[data-figure=\"front/folds\"] .xtitle').style.fill"
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = page.evaluate(label), page.evaluate(ground)
        button.click()
        assert button.inner_text() == "Theme: light"
        button.focus()
        page.keyboard.press("Enter")
        assert button.inner_text() == "Theme: dark"
        page.wait_for_function(f"{label} !== '{light[0]}'")
        assert page.evaluate(ground) != light[1]
        page.goto((world.report / "clips" / "anna.html").as_uri())
        assert button.inner_text() == "Theme: dark" and page.evaluate(ground) != light[1]
        button.click()
        assert button.inner_text() == "Theme: auto" and page.evaluate(ground) == light[1]


def test_what_the_system_asks_for_is_followed(browser, world):
    with closing(Opened(browser, front(world))) as seen:
        style = "getComputedStyle(document.documentElement)"
        for scheme, ground in {"light": "rgb(251, 251, 250)", "dark": "rgb(21, 23, 26)"}.items():
            seen.page.emulate_media(color_scheme=scheme)
            assert seen.page.evaluate(f"{style}.backgroundColor") == ground
        for motion, behaviour in {"no-preference": "smooth", "reduce": "auto"}.items():
            seen.page.emulate_media(reduced_motion=motion)
            assert seen.page.evaluate(f"{style}.scrollBehavior") == behaviour


def test_no_page_is_wider_than_its_window(browser, world):
    with closing(Opened(browser, front(world))) as seen:
        for width in (1440, 800, 390):
            seen.page.set_viewport_size({"width": width, "height": 800})
            scroll_through(seen.page)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1440, 390])
def test_a_part_that_is_gone_to_begins_below_the_bar(browser, world, width):
    with closing(Opened(browser, front(world), width=width, reduced_motion="reduce")) as seen:
        bar = seen.page.locator(".top").bounding_box()
        for part in ("against", "regions"):
            seen.page.locator(f"nav a[href='#{part}']").click()
            heading = seen.page.locator(f"#{part} h2").bounding_box()
            assert 0 <= heading["y"] - bar["height"] < 40


def test_a_plot_of_truth_against_prediction_is_square(browser, world):
    size = """name => {
        const { xaxis, yaxis } = document.querySelector(`[data-figure="${name}"]`)._fullLayout;
        return [xaxis._length, yaxis._length];
    }"""
    with closing(Opened(browser, front(world))) as seen:
        scroll_through(seen.page)
        for name in ("plane-truth", "against-valence", "plane-error"):
            width, height = seen.page.evaluate(size, f"front/{name}")
            assert width == pytest.approx(height, abs=1) and width > 150


def test_the_keyboard_reaches_the_content_first(browser, world):
    with closing(Opened(browser, front(world))) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.innerText") == "Skip to the content"
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "content"


def test_paper_is_white_and_has_every_figure(browser, world):
    with closing(Opened(browser, front(world), color_scheme="dark")) as seen:
        assert len(seen.page.pdf()) > 10_000  # fires beforeprint
        seen.page.emulate_media(media="print")
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        assert seen.page.evaluate(ground) == "rgb(255, 255, 255)"
        assert not seen.page.locator(".top").is_visible()
        assert seen.page.locator("[data-figure]:not([data-drawn])").count() == 0
        assert seen.errors == []


def test_figures_fit_the_paper_and_later_the_window_again(browser, world):
    widths = """() => [...document.querySelectorAll("[data-figure]")].map(
        (figure) => [figure.querySelector("svg").clientWidth, figure.clientWidth])"""
    with closing(Opened(browser, front(world))) as seen:
        scroll_through(seen.page)
        before = seen.page.evaluate(widths)
        seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        seen.page.emulate_media(media="print")
        on_paper = seen.page.evaluate(widths)
        assert all(drawn == room < 700 for drawn, room in on_paper)
        seen.page.emulate_media(media="screen")
        seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert seen.page.evaluate(widths) == before


def test_without_scripts_the_tables_are_there(browser, world):
    with closing(Opened(browser, front(world), java_script_enabled=False)) as seen:
        assert seen.page.locator("#table table").first.is_visible()
        assert seen.page.get_by_role("link", name="anna").is_visible()
        assert not seen.page.locator("button.theme").is_visible()

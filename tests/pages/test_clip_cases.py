"""Pages of unusual clips: hostile names, no truth, a stretch, irregular times; on a phone."""

from __future__ import annotations

import clip_world
import numpy as np
import pytest
from chromium import Opened
from clips import clip

from rjcma.pages.clip_view import FoldSeries
from rjcma.speech.words import Word

HOSTILE = "<img src=x onerror=window.ran=1><script>window.ran=1<script>&{{7*7}}#?%41'\""
"""A name that a file may have."""
WORDS = [Word(HOSTILE.replace(" ", "_"), 0.2, 0.6, 1.0), Word("</script><b>two</b>", 1.0, 1.4, 1.0)]
TARGET = "<b>joy</b>&amp;"


def opened(browser, pages, name="anna", **how) -> Opened:
    there = Opened(browser, pages / f"{name}.html", **how)
    there.page.wait_for_selector("[data-ready]")
    return there


def missing_video(error: str) -> bool:
    return "ERR_FILE_NOT_FOUND" in error


def test_names_and_words_with_html_are_shown_as_text_and_never_run(browser, tmp_path):
    waves = np.sin(np.arange(clip_world.FRAMES) / 9)
    record = clip(HOSTILE, clip_world.FRAMES, fps=clip_world.FPS)
    view = clip_world.view(
        tmp_path / "features",
        words=WORDS,
        record=record,
        ranges={TARGET: (0.0, 10.0)},
        truth={},
        folds={TARGET: [FoldSeries(0, False, waves)]},
        attention=[clip_world.attention(TARGET)],
    )
    pages = clip_world.write(tmp_path, view)
    there = opened(browser, pages, HOSTILE)
    page = there.page
    assert page.locator("h1").inner_text() == HOSTILE and page.title().startswith(HOSTILE)
    assert page.locator("[data-word]").all_inner_texts() == [word.text for word in WORDS]
    assert page.locator(".annotation-text").all_text_contents() == [TARGET]
    assert page.locator(".readout tbody th").inner_text() == TARGET
    page.locator("[data-word]").last.click()
    page.locator('[data-part="attention"]').scroll_into_view_if_needed()
    page.wait_for_selector(".grid:not([hidden])")
    page.locator('[data-part="faces"]').hover()
    assert page.evaluate("window.ran") is None
    assert [e for e in there.errors if not missing_video(e)] == [] and there.left == []
    there.close()


def test_a_clip_without_labels_shows_predictions_only(browser, tmp_path):
    view = clip_world.view(tmp_path / "features", truth={})
    there = opened(browser, clip_world.write(tmp_path, view))
    page = there.page
    heads = page.locator(".readout thead th").all_inner_texts()
    assert heads == ["Now", "Prediction", "Folds"]
    assert "truth" not in page.locator(".legend").inner_text()
    there.close()


def test_without_any_feature_the_page_shows_the_traces_and_says_what_is_missing(browser, tmp_path):
    view = clip_world.view(tmp_path / "features", words=None, faces=None, logmel=None)
    there = opened(browser, clip_world.write(tmp_path, view))
    text = there.page.locator("main").inner_text()
    assert text.count("not at hand") == 4  # transcript, faces, log-mel, attention
    there.page.keyboard.press("End")
    assert "frame 99" in there.page.locator('[data-part="clock"]').inner_text()
    assert [e for e in there.errors if not missing_video(e)] == []
    there.close()


@pytest.mark.parametrize("words", [[], [Word("Later", 9.0, 9.5, 1.0)]], ids=["none", "later"])
def test_where_nobody_speaks_during_the_clip_the_page_says_so(browser, tmp_path, words):
    view = clip_world.view(tmp_path / "features", words=words)
    there = opened(browser, clip_world.write(tmp_path, view))
    assert "Nobody speaks." in there.page.locator(".said").inner_text()
    assert there.page.locator('[data-part="words"]').count() == 0
    there.page.keyboard.press("]")
    assert [e for e in there.errors if not missing_video(e)] == []
    there.close()


@pytest.mark.parametrize(
    ("how", "begins"),
    [
        ({"fps": 25, "first": 50, "stretch": True}, 2.0),
        (
            {
                "fps": 20,
                "times": tuple(np.round(np.arange(110) ** 1.1 / 20, 6).tolist()),
                "first": 10,
            },
            None,
        ),
    ],
    ids=["stretch", "irregular"],
)
def test_the_time_of_the_page_is_that_of_the_clips_video(browser, tmp_path, how, begins):
    record = clip("anna", 60, "validation", **how)
    times = record.frame_times()
    word = Word("here", float(times[20]), float(times[23]), 1.0)
    view = clip_world.view(tmp_path / "features", record=record, words=[word], faces=None)
    there = opened(browser, clip_world.write(tmp_path, view))
    page = there.page
    assert begins is None or times[0] == begins
    page.locator("[data-word]").click()
    told = page.locator('[data-part="clock"]').inner_text()
    assert told.endswith("frame 20")
    assert float(told.split(" of")[0].split(":")[1]) == pytest.approx(times[20], abs=0.011)
    page.keyboard.press("Home")
    assert page.locator('[data-part="clock"]').inner_text().endswith("frame 0")
    there.close()


def test_a_word_that_begins_with_a_frame_is_sought_at_this_frame_also_late_in_a_video(
    browser, tmp_path
):
    """Every fifth frame at 25 a second; as numbers of 32 bits many starts would be after it."""
    words = [Word(f"w{n}", round(n * 0.2, 2), round(n * 0.2 + 0.2, 2), 1.0) for n in range(500)]
    record = clip("anna", 2600, "validation", fps=25)
    view = clip_world.view(tmp_path / "features", record=record, words=words, faces=None)
    there = opened(browser, clip_world.write(tmp_path, view))
    found = there.page.evaluate(
        """() => [...document.querySelectorAll("[data-word]")].map((word) => {
          word.click();
          return Number(document.querySelector("[data-part=clock]").textContent.split("frame ")[1]);
        })"""
    )
    assert found == list(range(0, 2500, 5))
    there.close()


def test_the_keys_go_on_from_a_word_that_is_spoken_between_two_frames(browser, tmp_path):
    words = [Word(t, *times, 1.0) for t, times in {"a": (0.12, 0.18), "b": (0.5, 0.9)}.items()]
    record = clip("anna", 20, "validation", fps=10)
    view = clip_world.view(tmp_path / "features", record=record, words=words, faces=None)
    there = opened(browser, clip_world.write(tmp_path, view))
    frames = []
    for key in "]]][[":
        there.page.keyboard.press(key)
        told = there.page.locator('[data-part="clock"]').inner_text()
        frames.append(int(told.split("frame ")[1]))
    assert frames == [1, 5, 5, 1, 1]
    there.close()


def test_the_word_that_is_spoken_stays_in_sight_and_the_page_does_not_move(browser, tmp_path):
    words = [Word(f"word{n}", n / 2, n / 2 + 0.4, 1.0) for n in range(300)]
    record = clip("anna", 1500, "validation", fps=10)
    view = clip_world.view(tmp_path / "features", record=record, words=words, faces=None)
    there = opened(browser, clip_world.write(tmp_path, view), at="#t=120", reduced_motion="reduce")
    page = there.page
    page.keyboard.press("Space")
    page.wait_for_function(
        """() => {
          const lit = document.querySelector("[data-word][aria-current]")?.getBoundingClientRect();
          const box = document.querySelector(".transcript").getBoundingClientRect();
          return lit && lit.top >= box.top && lit.bottom <= box.bottom;
        }""",
    )
    assert page.evaluate("scrollY") == 0
    there.close()


def test_on_a_phone_the_video_stays_in_sight_above_what_is_read(browser, tmp_path):
    clip_world.film(tmp_path / "videos" / "anna.mp4")
    view = clip_world.view(tmp_path / "f", attention=[clip_world.attention()])
    pages = clip_world.write(tmp_path, view)
    there = opened(browser, pages, width=390, height=844, reduced_motion="reduce")
    page = there.page
    page.wait_for_selector('[data-video="there"]')
    for part in ("traces", "attention"):
        page.evaluate(f"document.querySelector('[data-part={part}]').scrollIntoView()")
        place = page.locator("video").bounding_box()
        assert place["y"] == pytest.approx(0, abs=1) and 100 < place["height"] <= 0.3 * 844 + 1
    there.close()


@pytest.mark.parametrize("seconds", [0.0, 0.7, 2.31])
def test_a_link_may_name_a_time(browser, tmp_path, seconds):
    pages = clip_world.write(tmp_path, clip_world.view(tmp_path / "features"))
    there = opened(browser, pages, at=f"#t={seconds}")
    told = there.page.locator('[data-part="clock"]').inner_text()
    assert told.endswith(f"frame {int(seconds * clip_world.FPS + 1e-6)}")
    there.close()


def test_a_phone_needs_no_scrolling_aside_and_taps_seek(browser, tmp_path):
    pages = clip_world.write(
        tmp_path, clip_world.view(tmp_path / "f", attention=[clip_world.attention()])
    )
    there = opened(browser, pages, width=390, height=844, has_touch=True, is_mobile=True)
    page = there.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    traces = page.locator('[data-part="traces"]')
    traces.scroll_into_view_if_needed()
    box = traces.bounding_box()
    page.touchscreen.tap(box["x"] + 64 + (box["width"] - 76) / 2, box["y"] + 100)
    now = int(page.locator('[data-part="clock"]').inner_text().split("frame ")[1])
    assert abs(now - 50) <= 1
    there.close()


def test_the_reader_sets_the_folder_of_videos_for_all_pages(browser, tmp_path):
    clip_world.film(tmp_path / "else where" / "anna.mp4")
    pages = clip_world.write(tmp_path, clip_world.view(tmp_path / "features"))
    there = opened(browser, pages)
    page = there.page
    page.wait_for_selector('[data-video="missing"]')
    page.get_by_text("Where the video is").click()
    page.get_by_label("Folder of the videos").fill(str(tmp_path / "else where"))
    page.get_by_role("button", name="Look there").click()
    page.wait_for_selector('[data-video="there"]')
    page.reload()
    page.wait_for_selector('[data-video="there"]')
    there.close()


def test_a_preview_is_played_where_a_browser_cannot_play_the_video(browser, tmp_path):
    view = clip_world.view(tmp_path / "features", video="anna.avi")
    pages = clip_world.write(tmp_path, view)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "anna.avi").write_bytes(b"RIFF no browser plays this")
    clip_world.film(pages.parent / "previews" / "anna.mp4")
    there = opened(browser, pages)
    there.page.wait_for_selector('[data-video="there"]')
    assert there.page.evaluate("document.querySelector('video').src").endswith("previews/anna.mp4")
    there.close()


def test_a_video_whose_first_frame_comes_late_is_in_step(browser, tmp_path):
    clip_world.film(tmp_path / "videos" / "anna.webm", later=20)
    view = clip_world.view(tmp_path / "features", video="anna.webm")
    there = opened(browser, clip_world.write(tmp_path, view))
    page = there.page
    page.wait_for_selector('[data-video="there"]')
    for key, frame in [("Home", 0), ("Shift+ArrowRight", 25), ("]", 50)]:
        page.keyboard.press(key)
        assert clip_world.shows(page, frame)
    there.close()


def test_a_line_keeps_the_extremes_of_the_frames_that_share_a_point(browser, tmp_path):
    """Against plain Python: lowest and highest of each group, in the order of their frames."""
    pages = clip_world.write(tmp_path, clip_world.view(tmp_path / "features"))
    there = opened(browser, pages)
    values = np.random.default_rng(3).normal(size=101).round(3)
    values[[7, 8, 9, 40]] = np.nan
    given = [None if np.isnan(v) else v for v in values]
    for first, last, size in [(0, 100, 1), (0, 100, 7), (13, 77, 3), (5, 60, 50)]:
        found = there.page.evaluate(
            "([v, ...rest]) => thinned(v.map((x) => x === null ? NaN : x), ...rest)",
            [given, first, last, size],
        )
        shown = dict(zip(found["frames"], found["y"]))
        assert found["frames"] == sorted(shown)
        assert all(y == given[k] for k, y in shown.items())
        for start in range(first - first % size, last + 1, size):
            group = [v for v in values[max(start, first) : min(start + size, last + 1)] if v == v]
            here = [shown[k] for k in shown if start <= k < start + size]
            assert here, "every group has a point, so that gaps stay gaps"
            if group:
                kept = [y for y in here if y is not None]
                assert (min(kept), max(kept)) == (min(group), max(group))
    there.close()


def test_the_theme_changes_the_traces_without_a_reload(browser, tmp_path):
    pages = clip_world.write(tmp_path, clip_world.view(tmp_path / "features"))
    there = opened(browser, pages, color_scheme="light")
    page = there.page
    lines = """() => [...document.querySelectorAll('.scatterlayer .js-line')].map(
      (line) => line.style.stroke)"""
    light = page.evaluate(lines)
    page.get_by_role("button", name="Theme: auto").click()
    page.get_by_role("button", name="Theme: light").click()
    page.wait_for_function(f"(before) => String(({lines})()) !== before", arg=",".join(light))
    dark = page.evaluate(lines)
    assert len(light) == len(dark) == 8 and "rgb(0, 114, 178)" in light
    assert "rgb(0, 114, 178)" not in dark
    there.close()

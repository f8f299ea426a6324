"""A browser shows the frame of a preview that is wanted, and the colours of the video."""

from __future__ import annotations

import chromium
import cv2
import numpy as np
import pytest
from predicted_clips import clip, video

from rjcma.mp4.preview import make

WIDTH, HEIGHT = 320, 180
SHOW = """time => new Promise(done => {
  const video = document.querySelector("video");
  video.onseeked = () => requestAnimationFrame(() => requestAnimationFrame(done));
  video.currentTime = time;
})"""


def shade(k):
    return 30 + 17 * k


def colour(k):
    """A picture of one colour, which says which frame it is."""
    return np.full((HEIGHT, WIDTH, 3), (shade(k), 240 - shade(k), 120), np.uint8)


def test_a_seek_shows_the_frame_of_that_time_also_of_a_late_video_with_irregular_times(
    tmp_path, browser
):
    times = np.array([0.0, 0.1, 0.15, 0.5, 0.55, 0.9, 1.0, 1.3, 1.4, 1.5])
    source = video(tmp_path / "a.mkv", map(colour, range(10)), 2.0 + times)
    of = clip("a", frames=10, fps=6.0, times=tuple(times.tolist()), sound=False)
    make(source, of, tmp_path / "a.mp4")
    style = "margin:0; display:block; width:320px"
    (tmp_path / "page.html").write_text(
        f'<body style="margin:0"><video src="a.mp4" preload="auto" style="{style}"></video>'
    )
    opened = chromium.Opened(browser, tmp_path / "page.html", width=WIDTH, height=HEIGHT)
    opened.page.wait_for_function("document.querySelector('video').readyState >= 2")
    ends = [*times[1:], 1.6]
    for k in (7, 0, 3, 9, 1, 2, 8):
        opened.page.evaluate(SHOW, float(times[k] + ends[k]) / 2)
        png = np.frombuffer(opened.page.screenshot(), np.uint8)
        seen = cv2.imdecode(png, cv2.IMREAD_COLOR_RGB)[60:120, 100:200].reshape(-1, 3).mean(axis=0)
        assert seen == pytest.approx((shade(k), 240 - shade(k), 120), abs=6)
    opened.close()

"""The pages of predicted videos."""

from __future__ import annotations

import clip_world
import numpy as np
import pytest
from chromium import Opened
from clip_world import FRAMES
from scoring_world import files

from rjcma.pages import predictions
from rjcma.pages.clip_view import FoldSeries
from rjcma.pages.made_from import Part

PARTS = [Part("Runs", "Two runs.", [("package", "rjcma 0")])]


def view(folder, name="anna", **other):
    """A clip that nobody has annotated."""
    return clip_world.view(folder / name, name, truth={}, **other)


def test_a_row_has_the_mean_of_the_folds_and_how_far_they_are_apart(tmp_path):
    folds = {"joy": [FoldSeries(0, False, np.full(FRAMES, v)) for v in (20.0, 40.0)]}
    seen = view(tmp_path, ranges={"joy": (0.0, 100.0), "awe": (0.0, 1.0)}, folds=folds)
    made = predictions.row(seen, {"joy": (0.0, 100.0)})
    (joy,) = made.predicted
    assert (joy.mean, joy.low, joy.high, joy.spread) == (30.0, 30.0, 30.0, 10.0)
    assert joy.line.truth == "" and joy.line.prediction.startswith("M1 17.8L")
    assert made.no_face == pytest.approx(0.1) and made.words == 3 and made.seconds == 4.0


def test_a_clip_without_faces_and_words_says_nothing_of_them(tmp_path):
    made = predictions.row(view(tmp_path, faces=None, words=None), {"valence": (-1.0, 1.0)})
    assert made.no_face is None and made.words is None


def test_the_same_predictions_give_the_same_pages(tmp_path):
    views = [view(tmp_path, "anna"), view(tmp_path, "bert")]
    for name in ("a", "b"):
        predictions.write(views, tmp_path / name / "report", PARTS)
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.parametrize("ranges", [{"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)}, None])
def test_the_front_page_leads_to_every_clip(browser, tmp_path, ranges):
    one = {"ranges": {"joy": (0.0, 2.0)}, "folds": {"joy": [FoldSeries(0, False, np.ones(FRAMES))]}}
    other = {"ranges": ranges} if ranges else one
    views = [view(tmp_path, name, **other) for name in ("anna", "<b>bert")]
    predictions.write(views, tmp_path / "report", PARTS)
    opened = Opened(browser, tmp_path / "report" / "index.html")
    page = opened.page
    page.wait_for_selector("[data-drawn]")
    assert page.locator("h1").inner_text() == "Predictions"
    assert page.get_by_text("package").count() == 1
    assert page.locator("#clip-table tbody tr").count() == 2
    assert opened.errors == []  # on the clip's page, the browser will say that there is no video
    page.get_by_role("link", name="<b>bert").click()
    page.wait_for_selector("[data-ready]")
    assert page.locator("h1").inner_text() == "<b>bert"
    assert opened.left == []
    opened.close()

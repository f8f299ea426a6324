"""The pages of predicted clips."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import predicted_clips
import pytest

from rjcma.attention import stored
from rjcma.compare import page
from rjcma.pages import predictions
from rjcma.predict import outputs, report
from rjcma.predict.outputs import Forms
from rjcma.predict.predict import Request
from rjcma.problem import Problem, Problems


def test_a_page_shows_the_prediction_the_words_and_what_was_made_on_the_way(
    world, talk, tmp_path, monkeypatch
):
    monkeypatch.chdir(talk.parent)
    request = Request([talk], world.runs, tmp_path / "work")
    lines = list(outputs.write_all(request, tmp_path / "out", Forms(report=True)))
    front = tmp_path / "out" / "report" / "index.html"
    assert lines[-1].startswith(f"{front}: ")
    text = front.read_text()
    assert "clips/talk.html" in text
    for part in ("Predictions", "Recognised words", "Faces", "Log-mel windows"):
        assert f"<summary>{part}</summary>" in text
    page = (tmp_path / "out" / "report" / "clips" / "talk.html").read_text()
    assert "not at hand" not in page
    attention = stored.read(next((tmp_path / "work" / "predictions").glob("*-attention/talk.h5")))
    targets = list(dict.fromkeys(folder.name.partition("-")[0] for folder in world.runs))
    assert [each.target for each in attention] == targets
    assert all(len(each.windows) and each.fold == 0 for each in attention)
    assert 'class="grid"' in page
    assert (tmp_path / "out" / "report" / "previews" / "talk.mp4").is_file()  # of Matroska
    again = list(outputs.write_all(request, tmp_path / "again", Forms(report=True)))
    assert len(again) == len(lines)
    assert (tmp_path / "again" / "report" / "index.html").read_bytes() == front.read_bytes()


def test_a_place_where_no_pages_can_be_is_refused_before_anything_is_computed(
    world, talk, tmp_path
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report").write_text("a file")
    request = Request([talk], world.runs, tmp_path / "work")
    with pytest.raises(Problem, match="a file where a folder is to be"):
        list(outputs.write_all(request, tmp_path / "out", Forms(report=True)))
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    "other", ["index.html", "clips/mine.html", "assets/logo.txt", "assets/data/front.js"]
)
def test_pages_of_something_else_are_refused_before_anything_is_computed(
    world, talk, tmp_path, other
):
    own = tmp_path / "out" / "report" / other
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    request = Request([talk], world.runs, tmp_path / "work")
    with pytest.raises(Problem, match="pages of something else"):
        list(outputs.write_all(request, tmp_path / "out", Forms(report=True)))
    assert own.read_text() == "mine" and not (tmp_path / "work").exists()


def test_earlier_pages_of_predictions_are_replaced(tmp_path):
    made = predicted_clips.predicted(tmp_path / "anna.mp4", predicted_clips.clip("anna"))
    predictions.write([report.view(made, tmp_path / "report/clips")], tmp_path / "report")
    report.check(tmp_path / "report")
    with pytest.raises(Problem, match="pages of something else"):
        page.check(tmp_path / "report")


def test_what_is_said_of_unusable_videos_is_said_also_if_films_and_previews_are_refused(
    world, talk, tmp_path
):
    broken, work = tmp_path / "broken.mp4", tmp_path / "work"
    broken.write_text("no video")
    for folder in (work / "overlays", tmp_path / "out/report/previews"):
        folder.mkdir(parents=True)
        (folder / "mine.txt").write_text("mine")
    forms = Forms(overlay=tmp_path / "film.mp4", report=True)
    request = Request([talk, broken], world.runs, work)
    with pytest.raises(Problems) as raised:
        list(outputs.write_all(request, tmp_path / "out", forms))
    first, *others = raised.value.problems
    assert first.clip == "broken"
    assert [Path(each.file) for each in others] == [
        work / "overlays",
        tmp_path / "out/report/previews",
    ]
    assert (tmp_path / "out/report/clips/talk.html").is_file()


def test_a_view_has_each_fold_in_the_targets_own_units(tmp_path):
    clip = predicted_clips.predicted(tmp_path / "anna.mp4", predicted_clips.clip("anna"))
    seen = report.view(clip, tmp_path / "report" / "clips")
    assert seen.words is None and seen.faces is None and seen.logmel is None
    assert (seen.video, seen.videos) == ("anna.mp4", str(tmp_path))
    for target, series in clip.folds.items():
        np.testing.assert_array_equal([fold.values for fold in seen.folds[target]], series)
        np.testing.assert_allclose(seen.prediction(target), clip.mean(target), atol=1e-6)


def test_videos_below_the_present_folder_are_found_from_the_pages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = predicted_clips.predicted(tmp_path / "films" / "anna.mp4", predicted_clips.clip("anna"))
    seen = report.view(clip, Path("out/report/clips"))
    assert re.fullmatch(r"(\.\./)+films", seen.videos) and seen.videos == "../../../films"


@pytest.mark.parametrize("films", ["here/films", "elsewhere/films", "."])
@pytest.mark.parametrize("out", ["out", "../elsewhere/out", "..out", "../out"])
def test_pages_find_the_videos_wherever_they_are_written(tmp_path, monkeypatch, films, out):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    there, pages = tmp_path / films, Path(out) / "report" / "clips"
    made = predicted_clips.predicted(there / "anna.mp4", predicted_clips.clip("anna"))
    videos = report.view(made, pages).videos
    assert os.path.normpath(Path.cwd() / pages / videos) == str(there)
    assert Path(videos).is_absolute() != (films == "here/films" and out in ("out", "..out"))

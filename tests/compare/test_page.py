"""The pages of a comparison: complete, the same each time, and leading to both reports."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pages_world
import pytest
import scoring_world
from report_world import Report
from scoring_world import files

from rjcma.compare import figures, page
from rjcma.compare.comparison import Comparison, compare
from rjcma.compare.sources import Source
from rjcma.problem import Problem
from rjcma.scoring import report

CLIPS = {"anna": 23, "bert": 31, "cleo": 29}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Two whole reports with their pages, of other predictions for the same clips."""
    made = []
    for letter in "ab":
        world = pages_world.make(tmp_path_factory.mktemp(letter))
        for (target, fold), predictions in world.predictions.items():
            if letter == "b":
                predictions = {name: -values for name, values in predictions.items()}
            scoring_world.write_run(world.runs / f"{target}-{fold}", target, fold, predictions)
        report.write(scoring_world.results(world), world.report)
        made.append(pages_world.write(world))
    return made


def compared(a: Path, b: Path, revision: str = "") -> Comparison:
    return compare(Source("a", a, revision), Source("b", b, revision), 4)


def addresses(path: Path) -> list[str]:
    """What a page refers to, without anchors."""
    found = re.findall(r'(?:href|src)="([^"#][^"]*)"', path.read_text())
    return [each.partition("#")[0] for each in found if not each.startswith("data:")]


@pytest.mark.parametrize("revision", ["", "4d1348aba9f9e4a07a04adb89170b3c8f7fb807c"])
def test_all_that_the_pages_refer_to_is_there_also_the_pages_of_both_reports(
    reports, tmp_path, revision
):
    out = tmp_path / "out"
    page.write(compared(*reports, revision), out)
    pages = [out / "index.html", *sorted((out / "clips").iterdir())]
    assert [each.stem for each in pages[1:]] == sorted(scoring_world.FRAMES)
    for each in pages:
        for address in addresses(each):
            assert (each.parent / unquote(address)).is_file(), address
    inside = (out / "assets/reports").is_dir()
    assert inside == bool(revision)
    index = addresses(out / "index.html")
    assert sum("/clips/" in each for each in index) == 2 * 4  # A and B, of each moment


def test_the_same_reports_give_the_same_bytes(reports, tmp_path):
    page.write(compared(*reports), tmp_path / "a")
    first = files(tmp_path / "a")
    page.write(compared(*reports), tmp_path / "a")
    assert files(tmp_path / "a") == first


def test_words_come_from_the_pages_of_the_reports(reports):
    said = {moment.words for moment in compared(*reports).moments}
    assert said & {"One two.", "One", "two."}


def test_pages_are_not_written_over_a_report_that_is_compared(reports, tmp_path):
    before = files(reports[0])
    link = tmp_path / "link"
    link.symlink_to(reports[0])
    for out in (reports[0], link):
        with pytest.raises(Problem, match="pages of something else"):
            page.write(compared(*reports), out)
    assert files(reports[0]) == before


def test_a_report_without_pages_is_compared_without_links(tmp_path):
    sources = [Report(seed, CLIPS).write(tmp_path / str(seed)) for seed in (2, 3)]
    page.write(compare(*sources, 4), tmp_path / "out")
    assert not any("/clips/" in each for each in addresses(tmp_path / "out/index.html"))


def test_without_labels_there_are_predictions_to_look_at_and_no_tests(tmp_path):
    made = [Report(seed, CLIPS) for seed in (2, 3)]
    for each in made:
        for of_clips in each.truth.values():
            for values in of_clips.values():
                values[:] = np.nan
    sources = [each.write(tmp_path / str(number)) for number, each in enumerate(made)]
    page.write(compare(*sources, 4), tmp_path / "out")
    text = (tmp_path / "out/index.html").read_text()
    assert 'id="moments"' in text and 'id="tests"' not in text and 'id="clips"' not in text


def test_a_link_to_a_moment_lies_within_the_frame_that_it_is_of(tmp_path):
    made = [Report(seed, {"anna": 900}) for seed in (2, 3)]
    for each in made:
        each.times["anna"] = np.arange(900) / 30
    comparison = compare(*(each.write(tmp_path / str(n)) for n, each in enumerate(made)), 8)
    page.write(comparison, tmp_path / "out")
    text = (tmp_path / "out/clips/anna.html").read_text()
    linked = [float(each) for each in re.findall(r"#t=([\d.]+)", text)]
    frames = [round(moment.time * 30) for moment in comparison.moments]
    assert any(frame % 3 for frame in frames)  # whose times have no end in decimals
    assert [int((seconds + 1e-6) * 30) for seconds in linked] == frames  # as `Frames.at` does


def unpacked(array) -> np.ndarray:
    """The numbers of an array of a page's data."""
    return np.frombuffer(base64.b64decode(array["bdata"]), f"<{array['dtype']}")


def test_points_are_at_the_times_of_their_frames(tmp_path):
    made = [Report(seed, CLIPS) for seed in (2, 3)]
    for each in made:
        each.times["bert"] = each.times["bert"] + 0.01 * (np.arange(31) > 9)
        each.times["cleo"] = each.times["cleo"] + 3.5
    comparison = compare(*(each.write(tmp_path / str(n)) for n, each in enumerate(made)), 0)
    for pair in comparison.shared.pairs:
        label, *predictions = figures.traces(pair, "valence", 0, comparison.a).data
        assert label["name"] == "label" and [each["name"] for each in predictions] == ["A", "B"]
        for line in (label, *predictions):
            y = unpacked(line["y"])
            regular = line.get("x0", 0.0) + line.get("dx", 0.0) * np.arange(len(y))
            x = unpacked(line["x"]) if "x" in line else regular
            np.testing.assert_allclose(x, made[0].times[pair.clip], atol=1e-3)
        np.testing.assert_allclose(y, made[1].predicted["valence"][pair.clip], atol=1e-5)
        assert ("x" in label) == (pair.clip == "bert")

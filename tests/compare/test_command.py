"""`rjcma compare`, from two reports on disk to what it prints."""

from __future__ import annotations

import pytest
from report_world import Report

from rjcma.scoring.permutation import smallest_p

CLIPS = {"anna": 50, "bert": 61, "cleo": 43, "dora": 37}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder in which commands run, with two reports; in B, arousal is nearly right."""
    monkeypatch.chdir(tmp_path)
    a, b = Report(2, CLIPS), Report(3, CLIPS)
    for clip in CLIPS:
        b.predicted["arousal"][clip] = b.truth["arousal"][clip] * 0.9
    b.scores["arousal"] = {0: 0.75}
    a.write(tmp_path / "a")
    b.write(tmp_path / "b")
    (tmp_path / "other/clips").mkdir(parents=True)
    return tmp_path


def test_tables_tests_clips_and_moments_are_printed(rjcma, folder):
    status, printed, problems = rjcma("compare", "a", "b", "--moments", 3)
    assert (status, problems) == (0, "")
    lines = printed.splitlines()
    assert lines[:2] == ["A: a", "B: b"]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    folds = {row[0]: row[1:] for row in cells if row[0].startswith("Fold")}
    assert folds["Fold 0"][3:6] == ["0.250", "0.750", "+0.500"]
    assert folds["Fold 1"][3:6] == ["0.500", "", ""]  # B has no such fold
    over = next(row for row in cells if row[0].startswith("Over"))
    assert over[0] == "Over common folds"
    assert over[1:7] == ["0.375", "0.375", "+0.000", "0.250", "0.750", "+0.500"]  # arousal: fold 0
    (pooled,) = [row for row in cells if row[0] == "Arousal, pooled"]
    assert pooled[4] == "4 of 4 groups" and float(pooled[5]) == round(smallest_p(4), 2)
    assert {row[0] for row in cells} >= set(CLIPS)
    assert sum(":" in row[1] for row in cells if row[0] in CLIPS) == 3  # times of moments


def test_pages_are_written_where_they_are_asked_for(rjcma, folder):
    status, printed, _ = rjcma("compare", "a", "b", "--out", "new/pages")
    assert status == 0 and printed.endswith("new/pages/index.html: written\n")
    assert (folder / "new/pages/clips/anna.html").is_file()


def test_without_a_common_fold_there_is_no_mean_over_folds(rjcma, folder):
    c = Report(2, CLIPS)
    c.scores = {target: {2: 0.5} for target in c.scores}
    c.write(folder / "c")
    status, printed, _ = rjcma("compare", "a", "c", "--out", "pages")
    (over,) = [line for line in printed.splitlines() if "Over common folds" in line]
    assert status == 0 and not set("0123456789") & set(over)


def test_equal_reports_part_nowhere(rjcma, folder):
    _, printed, _ = rjcma("compare", "a", "a")
    assert "The predictions are the same." in printed and "| 1.00 |" in printed


@pytest.mark.parametrize(
    "arguments, found",
    [
        (["a", "nowhere"], "no such folder"),
        (["a", "b", "--out", "other"], "pages of something else"),
        (["a", "b", "--out", "a/metrics.json"], "is a file"),
        (["a", "b", "--out", "a/metrics.json/pages"], "is a file"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(rjcma, folder, arguments, found):
    before = sorted(folder.rglob("*"))
    status, printed, problems = rjcma("compare", *arguments)
    assert (status, printed) == (1, "")
    assert problems.startswith("problem: ") and found in problems and problems.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_reports_without_moments_that_were_asked_for_are_not_called_the_same(rjcma, folder):
    _, printed, _ = rjcma("compare", "a", "b", "--moments", 0, "--out", "pages")
    front = (folder / "pages/index.html").read_text()
    for text in (printed, front):
        assert "the same." not in text and "part most" not in text
    assert 'id="moments"' not in front and '"#moments"' not in front


def in_other_units(folder, *targets: str) -> None:
    """Two reports, `c` and `d`, with other predictions; of `targets` the units differ too."""
    c, d = Report(2, CLIPS), Report(3, CLIPS)
    for target in set(c.predicted) - set(targets):
        d.predicted[target] = c.predicted[target]
    d.ranges |= dict.fromkeys(targets, (0.0, 100.0))
    c.write(folder / "c")
    d.write(folder / "d")


def test_values_in_other_units_are_neither_compared_nor_drawn_together(rjcma, folder):
    in_other_units(folder, "valence", "arousal")
    _, printed, _ = rjcma("compare", "c", "d", "--out", "pages")
    for text in (printed, (folder / "pages/index.html").read_text()):
        assert "The targets have other units: values are not compared." in text
        assert "the same." not in text
    page = (folder / "pages/clips/anna.html").read_text()
    assert "data-figure" not in page and "Arousal has other units in A than in B" in page


def test_only_targets_in_the_same_units_can_be_the_same(rjcma, folder):
    in_other_units(folder, "arousal")
    _, printed, _ = rjcma("compare", "c", "d", "--out", "pages")
    for text in (printed, (folder / "pages/index.html").read_text()):
        assert "The predictions of valence are the same." in text
    page = (folder / "pages/clips/anna.html").read_text()
    assert page.count("data-figure") == 1 and "Valence has other units" not in page

"""What more videos could show, from a finished ablation's tables."""

import pytest

from rjcma.ablation.planned import planned
from rjcma.ablation.power import detectable
from rjcma.problem import Problem

HEADER = "row,measure,mean,video_std\n"


@pytest.fixture
def report(tmp_path):
    (tmp_path / "all-runs.csv").write_text("table,row,target\n")
    (tmp_path / "fusion.csv").write_text(
        f"{HEADER}RJCMA,valence,0.5,\nRJCMA,mean,0.5,\nA,valence,0.5,0.9\nA,mean,0.5,0.2\n"
        "B,mean,0.4,0.1\n"
    )
    return tmp_path


def cells(text):
    return [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines()[2:4]]


def test_each_row_shows_what_its_own_scatter_allows(report):
    found = cells(planned(report, 117))
    assert found == [
        ["fusion", "A", "0.200", f"{detectable(0.2, 117, 2):.3f}"],
        ["fusion", "B", "0.100", f"{detectable(0.1, 117, 2):.3f}"],
    ]


def test_another_number_of_rows_is_corrected_for(report):
    text = planned(report, 117, 10)
    assert cells(text)[0][3] == f"{detectable(0.2, 117, 10):.3f}" and "10 rows" in text


def test_of_too_few_videos_it_is_said_how_many_are_needed(report):
    assert cells(planned(report, 6, 12))[0][3] == "nothing: at least 9 are needed"


def test_a_folder_without_tables_is_a_problem(tmp_path):
    with pytest.raises(Problem, match="make ablation"):
        planned(tmp_path, 117)


@pytest.mark.parametrize("text", ["row,measure\nA,mean\n", f"{HEADER}A,mean,0.5,much\n"])
def test_a_table_of_another_form_is_a_problem(report, text):
    (report / "fusion.csv").write_text(text)
    with pytest.raises(Problem, match="fusion"):
        planned(report, 117)


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_a_scatter_that_is_no_number_is_a_problem(report, value):
    (report / "fusion.csv").write_text(f"{HEADER}A,mean,0.5,{value}\n")
    with pytest.raises(Problem, match="no number"):
        planned(report, 117)

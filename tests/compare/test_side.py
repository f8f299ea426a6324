"""A report as it is on disk: what is damaged is a problem that names the file."""

from __future__ import annotations

import numpy as np
import pytest
from report_world import Report

from rjcma.compare import side
from rjcma.problem import Problem

CLIPS = {"anna": 23, "bert": 31}


def test_a_report_is_read_as_it_was_written(tmp_path):
    report = Report(2, CLIPS, ("valence", "joy_of_all"))
    report.ranges["joy_of_all"] = (0.0, 100.0)
    report.truth["valence"]["anna"][[0, 4, 22]] = np.nan
    report.together["bert"] = "session 7"
    found = side.read(report.write(tmp_path / "a"))
    assert found.targets == ["valence", "joy_of_all"] and found.clips == ("anna", "bert")
    assert found.scores["valence"] == {0: 0.25, 1: 0.5}
    assert found.together() == {"anna": "anna", "bert": "session 7"}
    series = found.series("anna")
    for target in found.targets:
        for read, given in ((series.prediction, report.predicted), (series.truth, report.truth)):
            np.testing.assert_allclose(read[target], given[target]["anna"], atol=1e-6)
    np.testing.assert_allclose(series.times, report.times["anna"])
    assert found.own("joy_of_all", np.array([0.0])).tolist() == [50.0]
    assert found.words("anna") is None


@pytest.mark.parametrize(
    "name, content",
    [
        ("metrics.json", "{"),
        ("metrics.json", '{"valence": 3}'),
        ("metrics.json", '{"mean": {"ccc": 0.5}}'),
        ("metrics.json", '{"valence": {"folds": {"0": {"ccc": "high"}}}}'),
        ("metrics.json", '{"valence": {"folds": {"0": {"ccc": NaN}}}}'),
        ("metrics.json", '{"valence": {"folds": {"0": {"ccc": 0.5}}}, "joy": {"folds": {}}}'),
        ("clips.json", '{"targets": {}}'),
        ("traces/anna.csv", ""),
        ("traces/anna.csv", "frame,time,valence,valence_truth\n0,0.0,0.5\n"),
        ("traces/anna.csv", "frame,time,valence,valence_truth\n0,0.0,0.5,loud\n"),
        ("traces/anna.csv", b"\xff\xfe\x00"),
    ],
)
def test_a_damaged_file_is_a_problem_that_names_it(tmp_path, name, content):
    source = Report(2, CLIPS).write(tmp_path / "a")
    data = content if isinstance(content, bytes) else content.encode()
    (source.folder / name).write_bytes(data)
    with pytest.raises(Problem, match=name.replace(".", r"\.")):
        side.read(source).series("anna")


def test_a_report_without_traces_is_a_problem(tmp_path):
    source = Report(2, {}).write(tmp_path / "a")
    with pytest.raises(Problem, match="traces"):
        side.read(source)

"""`rjcma compare`, from two reports on disk to what it prints."""

from __future__ import annotations

import sys

import pytest
from scoring_world import make

from rjcma import cli
from stages import score


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Two reports on the same clips; in B, arousal is predicted as it is labelled."""
    worlds = []
    for letter in "ab":
        world = make(tmp_path_factory.mktemp(letter))
        score.main(world.manifest, world.labels, world.runs, world.report, world.params)
        worlds.append(world)
    return [world.report for world in worlds]


@pytest.fixture
def rjcma(monkeypatch, capsys):
    """Run the command. -> exit status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rjcma", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


def test_two_equal_reports_have_no_difference(rjcma, reports):
    status, printed, _ = rjcma("compare", *reports)
    assert status == 0
    assert "The predictions are the same." in printed and "+0.000" in printed
    assert "| Valence, pooled   |" in printed

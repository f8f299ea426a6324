"""clips.json: what a report is of."""

from __future__ import annotations

import json

import pytest
from clips import clip

from rjcma.problem import Problem
from rjcma.scoring import listing
from rjcma.scoring.runs import TrainedRun

ANNA = clip("anna", 7)
BOTH = [ANNA, clip("bert_left", 11, "validation").model_copy(update={"group": "bert & co"})]
RANGES = {"dominance": (1.0, 9.0)}


def run(fold: int, *validation: str) -> TrainedRun:
    return TrainedRun("dominance", fold, frozenset(), validation, [], 1, {})


def test_a_listing_is_read_as_it_was_written(tmp_path):
    written = listing.listing(BOTH, RANGES, [run(0, "bert_left"), run(2, "anna"), run(3)])
    listing.write(tmp_path / "clips.json", written)
    assert listing.read(tmp_path / "clips.json") == written
    anna, bert = written.clips
    assert (anna.together, anna.folds) == (ANNA.video, (2,))
    assert (bert.together, bert.folds, bert.frames) == ("bert & co", (0,), 11)
    assert len((tmp_path / "clips.json").read_text().splitlines()) == 2 + 5  # a line per clip


@pytest.mark.parametrize("change", [{"targets": 3}, {"clips": [{"name": "anna"}]}])
def test_a_damaged_listing_is_a_problem(tmp_path, change):
    path = tmp_path / "clips.json"
    listing.write(path, listing.listing(BOTH, RANGES, []))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(Problem, match="as stage score lists them"):
        listing.read(path)

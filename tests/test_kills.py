"""benchmarks/kills.py notices what it is there to notice."""

from __future__ import annotations

import pytest

from benchmarks.kills import Complete, Wrong, check_kept, check_recorded, check_whole, last_stage

WEIGHTS = "data/runs/valence-0/weights.safetensors"
BEFORE = Complete({"data/a/x.h5": (1, 1), WEIGHTS: (5, 5)}, {"arousal, fold 0": 3})


class Clone:
    """A clone of which only the visible files matter."""

    def __init__(self, **files: str) -> None:
        self.files = files

    def visible(self) -> dict[str, str]:
        return {f"data/{name}": digest for name, digest in self.files.items()}


def test_a_finished_file_that_was_made_again_is_noticed():
    after = BEFORE._replace(files={**BEFORE.files, "data/a/x.h5": (2, 1)})
    with pytest.raises(Wrong, match="was complete, and was made again"):
        check_kept(BEFORE, after, "")


@pytest.mark.parametrize("line", ["arousal, fold 0: epoch 3, loss", "valence, fold 0: epoch 1, "])
def test_a_finished_epoch_that_was_trained_again_is_noticed(line):
    with pytest.raises(Wrong, match="was complete, and was trained again"):
        check_kept(BEFORE, BEFORE, line)
    check_kept(BEFORE, BEFORE, "arousal, fold 0: epoch 4, loss")


def test_a_file_that_is_not_in_the_ledger_though_it_was_counted_is_noticed():
    plan = "data/a: 3 in all, {} kept, 2 to make (2 new)\ndata/a: 1/2 clips done, 3 a second"
    check_recorded(BEFORE, plan.format(0))
    with pytest.raises(Wrong, match="1 files are in the ledger"):
        check_recorded(BEFORE, plan.format(1))


def test_an_epoch_that_is_not_in_the_checkpoint_though_another_followed_is_noticed():
    check_recorded(BEFORE, "arousal, fold 0: epoch 4, loss\nvalence, fold 0: epoch 9, loss")
    with pytest.raises(Wrong, match="epoch 4 is not in the checkpoint"):
        check_recorded(BEFORE, "arousal, fold 0: epoch 5, loss")


def test_a_file_with_other_bytes_than_the_reference_is_noticed():
    reference = {"data/a": "1"}
    check_whole(Clone(a="1"), reference)  # type: ignore[arg-type]
    for files in ({"a": "2"}, {"a": "1", "b": "1"}):
        with pytest.raises(Wrong):
            check_whole(Clone(**files), reference)  # type: ignore[arg-type]


def test_the_stage_in_which_a_run_was_killed_is_the_last_that_began():
    printed = "Running stage 'index':\n> x\nRunning stage 'train@valence-0':\n"
    assert last_stage(printed) == "train"
    assert last_stage("") == "DVC itself, before any stage"

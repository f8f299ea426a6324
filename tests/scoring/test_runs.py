"""Problems of a run are reported in one line each: the file, what was found and expected."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from scoring_world import LABELLED, VALIDATION, choose, make, write_run

from rjcma.problem import Problems
from rjcma.scoring import report, runs


def lines(world) -> list[str]:
    with pytest.raises(Problems) as caught:
        runs.read(world.runs, world.wanted, world.clips)
    return str(caught.value).splitlines()


def change_metadata(world, name: str, **changes) -> None:
    path = world.runs / name / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_runs_are_read_as_they_were_written(tmp_path):
    world = make(tmp_path)
    found = {run.name: run for run in runs.read(world.runs, world.wanted, world.clips)}
    assert sorted(found) == sorted(f"{t}-{f}" for t in ("valence", "arousal") for f in range(3))
    run = found["arousal-1"]
    assert (run.target, run.fold, run.validation) == ("arousal", 1, ("anna", "bert"))
    assert run.train == {"cleo", "dora"}
    assert run.history[1] == {"epoch": 2, "loss": 0.875, "ccc": 0.25, "learning_rate": 1e-6}
    assert run.best_epoch == 2
    np.testing.assert_array_equal(run.predictions["cleo"], world.predictions["arousal", 1]["cleo"])


def test_a_missing_run_is_a_problem(tmp_path):
    world = make(tmp_path, folds=(0, 1))
    choose(world, folds=(0, 1, 2))
    found = lines(world)
    assert len(found) == 2
    assert "valence-2" in found[0] and "found no such run" in found[0]
    assert "dvc repro" in found[0]


@pytest.mark.parametrize("name", ["run.json", "history.csv", "predictions.h5"])
def test_an_unfinished_run_is_a_problem(tmp_path, name):
    world = make(tmp_path)
    (world.runs / "valence-1" / name).unlink()
    (line,) = lines(world)
    assert f"valence-1/{name}: found no such file" in line


def test_every_problem_of_every_run_is_reported_at_once(tmp_path):
    world = make(tmp_path)
    (world.runs / "valence-0" / "history.csv").unlink()
    (world.runs / "arousal-2" / "run.json").unlink()
    with h5py.File(world.runs / "arousal-1" / "predictions.h5", "a") as file:
        del file["anna"], file["dora"]
    found = lines(world)
    assert len(found) == 4
    assert sum("arousal-1/predictions.h5: found no predictions" in line for line in found) == 2


def test_predictions_of_another_length_are_a_problem(tmp_path):
    world = make(tmp_path)
    predictions = {**world.predictions["valence", 2], "bert": np.zeros(13, np.float32)}
    write_run(world.runs / "valence-2", "valence", 2, predictions)
    (line,) = lines(world)
    assert line.startswith("clip bert: ")
    assert "found predictions of the shape (13,)" in line
    assert "each of the clip's 11 frames" in line


def test_predictions_that_are_not_finite_are_a_problem(tmp_path):
    world = make(tmp_path)
    world.predictions["valence", 2]["bert"][[2, 5]] = np.nan, np.inf
    write_run(world.runs / "valence-2", "valence", 2, world.predictions["valence", 2])
    (line,) = lines(world)
    assert line.startswith("clip bert: ") and "2 predictions that are not finite" in line


def test_a_predictions_file_cut_in_half_is_a_problem(tmp_path):
    world = make(tmp_path)
    path = world.runs / "valence-0" / "predictions.h5"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (line,) = lines(world)
    assert "valence-0/predictions.h5: found unreadable HDF5" in line


@pytest.mark.parametrize(
    "name, text, found",
    [
        ("run.json", "{", "no JSON: Expecting property name"),
        ("run.json", "[]", "TypeError"),
        ("run.json", '{"target": "valence", "fold": 0, "best_epoch": 2}', "KeyError: 'train'"),
        ("run.json", '{"target": "valence", "fold": 0}', "KeyError: 'best_epoch'"),
        ("run.json", '{"target": "valence", "fold": 0, "best_epoch": null}', "TypeError"),
        ("run.json", '{"target": "valence", "fold": 0, "best_epoch": "last"}', "'last'"),
        ("history.csv", "epoch,loss,ccc\n1,0.5,0.5\n", "KeyError: 'learning_rate'"),
        ("history.csv", "epoch,loss,ccc,learning_rate\n1,high,0.5,0.1\n", "'high'"),
        ("history.csv", "epoch,loss,ccc,learning_rate\n1,nan,0.5,0.1\n", "loss is nan in epoch 1"),
        ("history.csv", "epoch,loss,ccc,learning_rate\n2,0.5,-inf,0.1\n", "ccc is -inf in epoch 2"),
        ("history.csv", "epoch,loss,ccc,learning_rate\nnan,0.5,0.5,0.1\n", "epoch is nan"),
    ],
)
def test_nonsense_in_a_run_is_a_problem(tmp_path, name, text, found):
    world = make(tmp_path)
    (world.runs / "valence-0" / name).write_text(text)
    (line,) = lines(world)
    assert f"valence-0/{name}: found" in line and found in line


def test_a_run_in_another_runs_folder_is_a_problem(tmp_path):
    world = make(tmp_path)
    change_metadata(world, "valence-0", fold=1)
    (line,) = lines(world)
    assert "found the run valence-1; expected valence-0" in line


def test_a_run_on_a_clip_that_is_not_in_the_manifest_is_a_problem(tmp_path):
    world = make(tmp_path)
    change_metadata(world, "valence-0", train=[*LABELLED, "gone"])
    (line,) = lines(world)
    assert line.startswith("clip gone: ") and "not in the manifest" in line


def test_targets_whose_folds_differ_are_a_problem(tmp_path):
    world = make(tmp_path)
    change_metadata(world, "arousal-1", validation=[*VALIDATION[1], "cleo"])
    (line,) = lines(world)
    assert line.startswith("clip cleo: ")
    assert "arousal-1/run.json: found other clips in fold 1 than in valence-1" in line


def test_missing_labels_are_a_problem_of_their_clip(tmp_path):
    world = make(tmp_path)
    (world.labels / "bert.npy").unlink()
    (world.labels / "cleo.npy").unlink()
    with pytest.raises(Problems) as caught:
        report.read_truth(world.labels, world.clips)
    assert [problem.clip for problem in caught.value.problems] == ["bert", "cleo"]


def test_runs_that_are_not_wanted_are_named_and_not_read(tmp_path):
    world = make(tmp_path)
    (world.runs / "valence-2" / "run.json").write_text("{")
    choose(world, folds=(0, 1))
    assert len(runs.read(world.runs, world.wanted, world.clips)) == 4
    assert runs.stale_runs(world.runs, world.wanted) == ["arousal-2", "valence-2"]

"""Stage `score` on a tiny world: the content of each file of the report."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from scoring_world import FPS, FRAMES, VALIDATION, choose, files, make, results, table, write_run

from rjcma.concordance import ccc
from rjcma.jobs import code
from rjcma.problem import Problems
from rjcma.scoring import trace_plots
from stages import score

TARGETS = ["valence", "arousal"]
BOTH = ("valence", "arousal")


def scored(world):
    score.main(world.manifest, world.labels, world.runs, world.report, world.params)
    return world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return scored(make(tmp_path_factory.mktemp("world")))


def column(rows, name) -> np.ndarray:
    return np.array([float(row[name] or "nan") for row in rows])


def test_the_report_is_complete(world):
    clips = [f"{name}.{{}}" for name in FRAMES]
    expected = {
        "about.json",
        "clips.json",
        "metrics.json",
        "table.csv",
        "table.md",
        "curves.csv",
        "submission.csv",
        "traces.json",
        "index.html",
    }
    expected |= {"traces/" + name.format("csv") for name in clips}
    expected |= {"pictures/" + name.format("png") for name in clips}
    expected |= {f"predictions/fold{n}/" + name.format("csv") for name in clips for n in range(3)}
    expected |= {"clips/" + name.format("html") for name in clips}
    written = {name for name in files(world.report) if not name.startswith("assets/")}
    assert written == expected


RANGES = {"dominance": (1.0, 9.0), "joy_of_all": (0.0, 100.0), "valence": (-1.0, 1.0)}


def test_a_report_of_other_targets_has_their_names_and_the_units_of_the_corpus(tmp_path):
    ran = ("joy_of_all", "dominance")
    world = scored(make(tmp_path, targets=ran, folds=(0,), ranges=RANGES))
    header = ["frame", "time", *RANGES]
    predictions = table(world.report / "predictions/fold0/anna.csv")
    assert list(predictions[0]) == header
    traces = table(world.report / "traces/dora.csv")
    assert list(traces[0]) == [*header, *(f"{target}_truth" for target in RANGES)]
    for name, (low, high) in RANGES.items():
        column = [row[name] for row in predictions]
        if name == "valence":
            assert set(column) == {""}
            continue
        given = world.predictions[name, 0]["anna"].astype(float)
        np.testing.assert_allclose(
            [*map(float, column)], (given + 1) / 2 * (high - low) + low, atol=1e-5
        )
        truth = [float(row[f"{name}_truth"] or "nan") for row in traces]
        np.testing.assert_allclose(
            truth, world.truth["dora"][:, list(RANGES).index(name)], atol=1e-6
        )
    submission = table(world.report / "submission.csv")
    assert list(submission[0]) == ["image_location", *RANGES]
    metrics = json.loads((world.report / "metrics.json").read_text())
    assert list(metrics) == ["dominance", "joy_of_all", "mean"]
    assert (world.report / "table.csv").read_text().startswith("fold,dominance,joy_of_all,mean,")
    template = json.loads((world.report / "traces.json").read_text())
    assert template["encoding"]["row"]["sort"] == list(RANGES)
    assert set(template["transform"][0]["fold"]) == set(traces[0]) - {"frame", "time"}


def test_the_report_knows_the_code_of_its_pages(world):
    about = json.loads((world.report / "about.json").read_text())["about"]
    assert about["function"] == "rjcma.scoring.report:write, rjcma.pages.report:write"
    assert about["code"] == code.digest(["rjcma.scoring.report", "rjcma.pages.report"])


def test_a_comparison_in_the_reports_folder_is_no_part_of_the_report(tmp_path):
    world = scored(make(tmp_path, targets=("valence",), folds=(0,)))
    before = (world.report / "about.json").read_bytes()
    (world.report / "comparison/clips").mkdir(parents=True)
    (world.report / "comparison/clips/anna.html").write_text("A and B")
    scored(world)
    assert (world.report / "about.json").read_bytes() == before


def test_the_report_says_what_it_was_made_from(tmp_path):
    world = scored(make(tmp_path, targets=("valence",), folds=(0,)))
    before = json.loads((world.report / "about.json").read_text())
    assert before["files"].keys() == set(files(world.report)) - {"about.json"}
    about = before["about"]
    wanted = {"targets": ["valence"], "folds": [0], "attention": 4}
    assert about["settings"] == {"runs": wanted}
    assert about["stage"] == "score" and len(about["code"]) == 32
    assert about["inputs"].keys() == {
        *("manifest", "all labels", "valence-0/history.csv"),
        *("valence-0/predictions.h5", "valence-0/run.json"),
    }
    history = world.runs / "valence-0" / "history.csv"
    history.write_text(history.read_text().replace("0.875", "0.75"))
    scored(world)
    after = json.loads((world.report / "about.json").read_text())
    inputs = after["about"]["inputs"]
    assert {name for name in inputs if inputs[name] != about["inputs"][name]} == {
        "valence-0/history.csv"
    }
    changed = {n for n in after["files"] if after["files"][n] != before["files"][n]}
    assert changed == {"curves.csv", "index.html", "assets/data/front.js"}


def test_a_fold_is_scored_on_the_labelled_frames_of_its_validation_clips(world):
    metrics = json.loads((world.report / "metrics.json").read_text())
    for number, target in enumerate(TARGETS):
        for fold, names in VALIDATION.items():
            truth = np.concatenate([world.truth[name][:, number] for name in names])
            predictions = world.predictions[target, fold]
            prediction = np.concatenate([predictions[name] for name in names])
            labelled = ~np.isnan(truth)
            found = metrics[target]["folds"][str(fold)]
            expected = ccc(prediction[labelled], truth[labelled])
            assert found["ccc"] == pytest.approx(expected, abs=1e-6)
            assert (found["frames"], found["clips"]) == (labelled.sum(), len(names))


def test_a_second_run_writes_the_same_bytes(world, tmp_path):
    first = files(world.report)
    scored(world)
    assert files(world.report) == first
    elsewhere = scored(make(tmp_path / "elsewhere"))
    assert files(elsewhere.report) == first


def test_predictions_at_unlabelled_frames_do_not_change_a_number(world, tmp_path):
    other = make(tmp_path)
    for (target, fold), predictions in other.predictions.items():
        for values in predictions.values():
            values[3] = -values[3] + 0.5  # the unlabelled frame
        write_run(other.runs / f"{target}-{fold}", target, fold, predictions)
    scored(other)
    for name in ("metrics.json", "table.csv", "table.md"):
        assert (other.report / name).read_bytes() == (world.report / name).read_bytes()


def test_every_fold_predicts_every_frame_of_every_clip(world):
    for fold in range(3):
        for name, frames in FRAMES.items():
            rows = table(world.report / "predictions" / f"fold{fold}" / f"{name}.csv")
            assert list(rows[0]) == ["frame", "time", *TARGETS]
            assert column(rows, "frame").tolist() == list(range(frames))
            times = np.arange(frames) / FPS[name]
            np.testing.assert_allclose(column(rows, "time"), times, atol=1e-6)
            for target in TARGETS:
                expected = world.predictions[target, fold][name]
                np.testing.assert_allclose(column(rows, target), expected, atol=1e-6)


def test_a_trace_is_the_prediction_of_the_fold_that_validates_on_the_clip(world):
    for fold, names in VALIDATION.items():
        for name in names:
            rows = table(world.report / "traces" / f"{name}.csv")
            truths = [f"{target}_truth" for target in TARGETS]
            assert list(rows[0]) == ["frame", "time", *TARGETS, *truths]
            for number, target in enumerate(TARGETS):
                expected = world.predictions[target, fold][name]
                np.testing.assert_allclose(column(rows, target), expected, atol=1e-6)
                truth = world.truth[name][:, number]
                np.testing.assert_allclose(column(rows, f"{target}_truth"), truth, atol=1e-6)
            assert rows[3]["valence_truth"] == rows[3]["arousal_truth"] == ""


def test_a_test_clips_trace_is_the_mean_over_folds(world):
    rows = table(world.report / "traces" / "emil_test.csv")
    for target in TARGETS:
        folds = [world.predictions[target, fold]["emil_test"] for fold in range(3)]
        np.testing.assert_allclose(column(rows, target), np.mean(folds, axis=0), atol=1e-6)
        assert {row[f"{target}_truth"] for row in rows} == {""}


def test_a_clip_that_every_run_was_trained_on_has_no_held_out_prediction(tmp_path):
    world = make(tmp_path)
    choose(world, folds=(0, 1))
    trace = next(trace for trace in results(world).traces() if trace.clip == "cleo")
    assert np.isnan(trace.prediction).all()
    assert trace.origin == "none (all runs were trained on this clip)"
    scored(world)
    assert {row["valence"] for row in table(world.report / "traces" / "cleo.csv")} == {""}


def test_the_submission_has_the_mean_over_folds_for_each_image_of_the_test_clips(tmp_path):
    world = make(tmp_path)
    for fold in range(3):
        world.predictions["valence", fold]["emil_test"][0] = 1.5 + fold
        world.predictions["arousal", fold]["emil_test"][1] = -1.5
        for target in TARGETS:
            folder = world.runs / f"{target}-{fold}"
            write_run(folder, target, fold, world.predictions[target, fold])
    rows = table(scored(world).report / "submission.csv")
    assert list(rows[0]) == ["image_location", *TARGETS]
    images = [row["image_location"] for row in rows]
    assert images == [f"emil_test/0000{n}.jpg" for n in (1, 2, 3, 4, 5)]
    assert (rows[0]["valence"], rows[1]["arousal"]) == ("1.000000", "-1.000000")
    folds = [world.predictions["valence", fold]["emil_test"][4] for fold in range(3)]
    assert float(rows[4]["valence"]) == pytest.approx(np.mean(folds), abs=1e-6)


def test_without_test_clips_the_submission_is_its_header(tmp_path):
    world = scored(make(tmp_path, names=("anna", "bert", "cleo", "dora")))
    assert (world.report / "submission.csv").read_text() == "image_location,valence,arousal\n"


def test_one_target_alone_leaves_the_others_column_empty(tmp_path):
    world = scored(make(tmp_path, targets=("arousal",)))
    assert list(json.loads((world.report / "metrics.json").read_text())) == ["arousal", "mean"]
    columns = list(table(world.report / "table.csv")[0])
    assert columns[:3] == ["fold", "arousal", "mean"]
    assert {name.partition("_")[0] for name in columns[3:]} == {"arousal", "mean"}
    for path in ("predictions/fold1/anna.csv", "traces/anna.csv", "submission.csv"):
        row = table(world.report / path)[0]
        assert row["valence"] == "" and row["arousal"] != ""


def test_curves_have_one_row_per_run_and_epoch(world):
    rows = table(world.report / "curves.csv")
    assert list(rows[0]) == ["run", "target", "fold", "epoch", "loss", "ccc", "learning_rate"]
    assert len(rows) == 2 * 3 * 2
    last = {key: rows[-1][key] for key in ("run", "target", "fold", "epoch")}
    assert last == {"run": "arousal-2", "target": "arousal", "fold": "2", "epoch": "2"}
    assert [float(rows[-1][key]) for key in ("loss", "ccc", "learning_rate")] == [0.875, 0.25, 1e-6]


def test_a_picture_is_a_png_without_metadata(world):
    picture = (world.report / "pictures" / "anna.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert b"tEXt" not in picture and b"tIME" not in picture


def test_pictures_of_different_clips_differ(world):
    pictures = {(world.report / "pictures" / f"{name}.png").read_bytes() for name in FRAMES}
    assert len(pictures) == len(FRAMES)


def test_files_of_an_earlier_report_are_removed_and_other_files_stay(tmp_path):
    world = make(tmp_path)
    stale = [world.report / "traces" / "gone.csv", world.report / "predictions" / "fold7" / "a.csv"]
    for path in [*stale, world.report / "notes.txt"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("notes")
    scored(world)
    assert not any(path.exists() for path in stale)
    assert (world.report / "notes.txt").read_text() == "notes"


def test_links_into_a_cache_are_replaced_not_written_into(tmp_path):
    world = make(tmp_path)
    cached = tmp_path / "cached"
    cached.write_text("cached")
    for name in ("metrics.json", "traces/anna.csv", "pictures/anna.png", "submission.csv"):
        (world.report / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(cached, world.report / name)
    scored(world)
    assert cached.read_text() == "cached"


def test_a_problem_leaves_the_earlier_report_unchanged(tmp_path):
    world = scored(make(tmp_path))
    before = files(world.report)
    np.save(world.labels / "cleo.npy", np.full((13, 2), np.nan, np.float32))  # all of fold 2
    with pytest.raises(Problems) as caught:
        scored(world)
    assert len(str(caught.value).splitlines()) == 2  # one per target
    assert files(world.report) == before


def test_runs_that_are_left_out_are_named(tmp_path, capsys):
    world = make(tmp_path)
    choose(world, folds=(0, 1))
    scored(world)
    printed = capsys.readouterr().err
    assert "arousal-2 is not among the runs" in printed and "valence-2" in printed


def test_a_clip_of_one_frame_has_its_picture(tmp_path):
    trace = trace_plots.Trace(
        "one", "fold 0", np.zeros(1), BOTH, np.zeros((1, 2)), np.zeros((1, 2))
    )
    trace_plots.draw([trace], tmp_path)
    assert (tmp_path / "one.png").stat().st_size > 1000


def test_a_clips_name_is_no_formula(tmp_path):
    values = np.zeros((3, 2))
    name = "a$_^{$b"
    trace_plots.draw(
        [trace_plots.Trace(name, "fold 0", np.arange(3), BOTH, values, values)], tmp_path
    )
    assert files(tmp_path).keys() == {f"{name}.png"}

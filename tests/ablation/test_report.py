"""An ablation's tables, lists and picture, from invented results."""

from __future__ import annotations

import csv
from itertools import product

import numpy as np
import pytest
import tiny_corpus
from clips import clip
from matplotlib.image import imread
from scipy import stats
from scoring_world import files

from rjcma.ablation import report as ablation_report
from rjcma.ablation.power import needed
from rjcma.ablation.report import COLUMNS, Study
from rjcma.ablation.result import Result
from rjcma.ablation.row_settings import of_rows
from rjcma.ablation.rows import Ablation
from rjcma.ablation.tables import lines
from rjcma.ablation.trials import trial
from rjcma.scoring.settings import Runs

FOLDS, SEEDS = (0, 1, 2), (3, 5, 7, 11, 13)
VALIDATED = {0: ["anna"], 1: ["bert_left", "bert_right"], 2: ["cleo", "dora"]}
CLIPS = [clip(name, video=name.split("_")[0]) for names in VALIDATED.values() for name in names]
LEVEL = {"A": 0.5, "B": 0.4, "C, or D": 0.1}


def ablation(seeds=SEEDS, base=None):
    rows = [{"name": n, "set": {"recursions": r}} for r, n in enumerate(LEVEL, 1)]
    two = [{"name": "a", "set": {"recursions": 1}}, {"name": "b", "set": {"recursions": 2}}]
    tables = {
        "first": {"about": "The first", "reference": "A", "rows": rows},
        "second": {"about": "The second", "reference": "b", "rows": two},
    }
    return Ablation.model_validate({"seeds": seeds, "base": base or {}, "tables": tables})


def study(targets=("valence", "arousal"), folds=FOLDS, seeds=SEEDS, base=None):
    described, wanted = ablation(seeds, base), Runs(targets=targets, folds=folds)
    rows = of_rows(described, tiny_corpus.settings(), "rows.yaml")
    random, results = np.random.default_rng(1), {}
    for (table, row), settings in rows.items():
        for target, fold, seed in product(targets, folds, seeds):
            if table == "first":
                ccc = LEVEL[row] + 0.1 * fold + random.normal(0, 0.01)
                ccc += {"valence": 0, "arousal": 0.2}[target]
                clips = dict.fromkeys(VALIDATED[fold], ccc - 0.1)
                one = trial(row, settings, target, fold, seed)
                results[one.name] = Result(
                    target=target,
                    fold=fold,
                    seed=seed,
                    ccc=ccc,
                    clips=clips,
                    best_epoch=2,
                    epochs=5,
                    settings=one.run.settings.keyed(),
                )
    return Study(described, rows, wanted, CLIPS, results)


def table(text):
    return list(csv.DictReader(text.splitlines()))


def test_rows_are_in_their_order_with_their_means():
    found = study().lines("first")
    assert [line.name for line in found] == list(LEVEL)
    for line in found:
        assert line.spreads["valence"].mean == pytest.approx(LEVEL[line.name] + 0.1, abs=0.01)
        assert line.spreads["arousal"].mean == pytest.approx(LEVEL[line.name] + 0.3, abs=0.01)
        assert line.values["mean"].shape == (3, 5)
        both = (line.values["valence"] + line.values["arousal"]) / 2
        assert line.values["mean"] == pytest.approx(both)


def test_values_are_in_the_order_of_folds_and_seeds():
    reported = study()
    (line, *_) = reported.lines("first")
    settings = reported.rows["first", "A"]
    for (f, fold), (s, seed) in product(enumerate(FOLDS), enumerate(SEEDS)):
        expected = reported.results[trial("", settings, "arousal", fold, seed).name].ccc
        assert line.values["arousal"][f, s] == expected


def test_every_row_but_the_reference_is_compared_with_the_reference():
    first, second = study().lines("first"), study().lines("second")
    assert [bool(line.comparisons) for line in first] == [False, True, True]
    assert [bool(line.comparisons) for line in second] == [True, False]
    down, up = first[1].comparisons["mean"], second[0].comparisons["mean"]
    assert down.difference.mean == pytest.approx(-up.difference.mean)
    assert (down.better, up.better) == (0, 3)


def test_pairs_are_runs_of_a_fold_and_seed_and_videos_not_clips():
    compared = study().lines("first")[1].comparisons
    assert {c.runs for c in compared.values()} == {3 * 5}
    assert {c.videos for c in compared.values()} == {4}  # two clips share bert's


def test_a_videos_value_is_the_mean_over_its_clips_and_the_seeds():
    reported = study()
    (line,) = [line for line in reported.lines("first") if line.name == "B"]
    reference = reported.lines("first")[0]
    per_fold = (line.values["valence"] - reference.values["valence"]).mean(axis=1)
    videos = np.array([per_fold[0], per_fold[1], per_fold[2], per_fold[2]])
    signs = np.array(list(product([1, -1], repeat=4)))
    exact = np.mean(np.abs(signs @ videos) >= abs(videos.sum()) - 1e-9)
    assert line.comparisons["valence"].p_videos == pytest.approx(exact)


def test_p_values_are_corrected_for_the_rows_of_their_table():
    first, second = study().lines("first"), study().lines("second")
    raw = [line.comparisons["mean"].p_runs for line in first[1:]]
    assert raw == [2 / 2**15, 2 / 2**15]
    assert [line.corrected["mean"][0] for line in first[1:]] == [2 * raw[0]] * 2
    assert second[0].corrected["mean"][0] == raw[0]


def test_the_csv_has_one_line_per_row_and_measure():
    found = table(ablation_report.csv_text(study().lines("first"), 3))
    assert [(r["row"], r["measure"]) for r in found] == [
        (name, measure) for name in LEVEL for measure in ("valence", "arousal", "mean")
    ]
    reference, other = found[0], found[5]
    assert {reference[key] for key in COLUMNS[7:]} == {""}
    assert float(other["difference"]) == pytest.approx(-0.1, abs=0.02)
    assert float(other["difference_low"]) < -0.09 < -0.05 > float(other["difference_high"])
    assert [other[key] for key in ("folds_better", "folds", "run_pairs", "video_pairs")] == [
        "0",
        "3",
        "15",
        "4",
    ]
    assert float(other["p_runs"]) <= float(other["p_runs_holm"]) < 0.001


def test_the_csv_says_what_so_many_videos_show():
    reference, other, _ = rows = study().lines("first")
    found = table(ablation_report.csv_text(rows, 3))
    (row,) = [r for r in found if (r["row"], r["measure"]) == ("B", "mean")]
    per_fold = (other.values["mean"] - reference.values["mean"]).mean(axis=1)
    videos = per_fold[[0, 1, 2, 2]]  # the third fold has two
    interval = stats.ttest_1samp(videos, 0).confidence_interval()
    deviation, compared = videos.std(ddof=1), len(LEVEL) - 1
    expected = {
        "video_difference": videos.mean(),
        "video_low": interval.low,
        "video_high": interval.high,
        "video_std": deviation,
        "videos_needed": needed(videos.mean(), deviation, compared),
    }
    assert {key: float(row[key]) for key in expected} == pytest.approx(expected, abs=1e-6)
    assert row["shows"] == ""  # four are too few


def test_every_run_is_listed_in_each_row_that_uses_it():
    found = table(ablation_report.runs_text(study()))
    assert len(found) == (3 + 2) * 2 * 3 * 5
    a, b = (
        [{k: v for k, v in r.items() if k not in ("table", "row")} for r in found if r["row"] == n]
        for n in ("A", "a")
    )
    assert a == b and a[0]["best_epoch"] == "2" and a[0]["epochs"] == "5"


def test_the_tables_are_markdown_and_explain_their_tests(tmp_path):
    ablation_report.write(study(), tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert text.index("## The first") < text.index("## The second")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert [line.count("|") for line in rows] == [9] * 5 + [6] * 4 + [9] * 4 + [6] * 3
    assert len({len(line) for line in rows[:5]}) == 1  # padded
    for part in ("n = 15", "n = 4", "30 (2 targets, 3 folds, 5 seeds)", "6.1e-05 and 0.12"):
        assert part in text


@pytest.mark.parametrize(
    "base, note",
    [
        ({"training.select_by": "held_out"}, "not on the validation clips reported here"),
        ({"training.select_by": "validation"}, "CCC is too high"),
    ],
)
def test_the_tables_say_how_epochs_were_selected(tmp_path, base, note):
    ablation_report.write(study(base=base), tmp_path)
    assert note in (tmp_path / "tables.md").read_text()


def test_one_seed_fold_and_target_give_tables_without_spread(tmp_path):
    ablation_report.write(study(("arousal",), (2,), (3,)), tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert "±" not in text and "nan" not in text and "interval for training again" not in text
    assert "nan" not in (tmp_path / "first.csv").read_text()
    found = table((tmp_path / "first.csv").read_text())
    assert found[2]["p_runs"] == "1.000000" and found[2]["std_seeds"] == ""


def test_a_second_report_is_byte_identical_and_does_not_write_into_links(tmp_path):
    folder = tmp_path / "report"
    ablation_report.write(study(), folder)
    before = files(folder)
    assert set(before) == {"tables.md", "first.csv", "second.csv", "all-runs.csv", "rows.png"}
    cached = tmp_path / "cached"
    (folder / "first.csv").rename(cached)
    (folder / "first.csv").symlink_to(cached)
    cached.write_text("in the cache")
    (folder / "removed.csv").write_text("of a table that was removed")
    ablation_report.write(study(), folder)
    assert files(folder) == before and cached.read_text() == "in the cache"


def test_the_picture_grows_with_the_rows_and_shows_both_targets(tmp_path):
    ablation_report.write(study(), tmp_path)
    picture = imread(tmp_path / "rows.png")[..., :3]
    high, wide, _ = picture.shape
    assert wide == 1650 and high == 1.5 * (8 + 84 + 2 * 36 + 5 * 26)
    blue, orange = (
        (picture[..., 2] - picture[..., 0] > 0.3),
        (picture[..., 0] - picture[..., 2] > 0.3),
    )
    half = int(wide * (250 / 1100 + 0.75 / 2))
    assert blue[:, :half].sum() > 500 and not blue[:, half + 99 :].any()
    assert orange[:, half:].sum() > 500 and not orange[:, : half - 99].any()


def test_clips_without_labels_of_one_target_are_not_paired_in_the_mean():
    reported = study()
    results = {
        name: result.model_copy(
            update={"clips": {c: v for c, v in result.clips.items() if c != "anna"}}
        )
        if "-valence-" in name
        else result
        for name, result in reported.results.items()
    }
    videos = {clip.name: clip.video for clip in CLIPS}
    found = lines("first", reported.ablation, reported.rows, results, reported.wanted, videos)
    assert {m: c.videos for m, c in found[1].comparisons.items()} == {
        "valence": 3,
        "arousal": 4,
        "mean": 3,
    }

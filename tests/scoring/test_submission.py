"""The challenge's files, with and without the organisers' sample."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import scoring_world
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma.corpus import labels
from rjcma.problem import Problem
from rjcma.scoring import report, runs, submission

RANGES = {"valence": (-1.0, 1.0), "arousal": (0.0, 100.0)}
TEST = "emil_test"
FRAMES = scoring_world.FRAMES[TEST]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A world with one test clip, whose arousal is from 0 to 100, and some predictions too high."""
    world = scoring_world.make(tmp_path_factory.mktemp("world") / "w", ranges=RANGES)
    for (target, fold), made in world.predictions.items():
        made[TEST][0] = 1.5
        made[TEST][1] = -1.25
        scoring_world.write_run(world.runs / f"{target}-{fold}", target, fold, made)
    world.trained = runs.read(world.runs, world.wanted, world.clips)
    return world


def asked(world, sample: Path | None):
    if sample is None:
        return submission.of_test_clips(world.clips, RANGES)
    return submission.read_sample(sample, world.clips, world.trained)


def written(world, folder: Path, sample: Path | None = None) -> dict[str, list[list[str]]]:
    submission.write(folder, asked(world, sample), world.trained, world.clips, RANGES)
    files = sorted(folder.glob("*.csv"))
    return {path.name: list(csv.reader(path.read_text().splitlines())) for path in files}


def expected(world, fold: int | None, target: str, picture: int) -> float:
    """By hand: the mean over folds, held to [-1, 1], then in the corpus's own units."""
    folds = range(3) if fold is None else [fold]
    frame = min(max(picture, 1), FRAMES) - 1
    mean = np.mean([float(world.predictions[target, f][TEST][frame]) for f in folds])
    low, high = RANGES[target]
    return low + (min(max(mean, -1.0), 1.0) + 1) / 2 * (high - low)


def sampled(path: Path, *rows: str, header="image_location,valence,arousal") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_without_a_sample_the_mean_is_the_reports_file_to_the_last_digit(world, tmp_path):
    report.write(scoring_world.results(world), world.report)
    written(world, tmp_path)
    assert (tmp_path / "mean.csv").read_bytes() == (world.report / "submission.csv").read_bytes()


def test_there_is_a_file_for_each_fold_and_one_of_their_mean(world, tmp_path):
    found = written(world, tmp_path)
    assert list(found) == ["fold0.csv", "fold1.csv", "fold2.csv", "mean.csv"]
    for name, (header, *rows) in found.items():
        fold = None if name == "mean.csv" else int(name[4])
        assert header == ["image_location", *RANGES] and len(rows) == FRAMES
        for picture, (location, *values) in enumerate(rows, 1):
            assert location == f"{TEST}/{picture:05d}.jpg"
            wanted = [expected(world, fold, target, picture) for target in RANGES]
            assert np.allclose(list(map(float, values)), wanted, atol=5e-6)


def test_values_are_held_to_the_range(world, tmp_path):
    rows = written(world, tmp_path)["fold1.csv"]
    assert rows[1][1:] == ["1.000000", "100.000000"]
    assert rows[2][1:] == ["-1.000000", "0.000000"]


@settings(max_examples=30, deadline=None)
@given(
    pictures=st.lists(st.integers(0, 3 * FRAMES), min_size=1, unique=True),
    backwards=st.booleans(),
)
def test_the_rows_of_the_sample_are_the_authority(world, tmp_path_factory, pictures, backwards):
    folder = tmp_path_factory.mktemp("sample")
    names = ["arousal", "valence"] if backwards else ["valence"]
    rows = [f"{TEST}/{picture:05d}.jpg,{',' * (len(names) - 1)}" for picture in pictures]
    sample = sampled(folder / "sample.csv", *rows, header=",".join(["image_location", *names]))
    header, *found = written(world, folder / "out", sample)["mean.csv"]
    assert header == ["image_location", *names]
    assert [row[0] for row in found] == [row.split(",")[0] for row in rows]
    for picture, (_, *values) in zip(pictures, found, strict=True):
        wanted = [expected(world, None, name, picture) for name in names]
        assert np.allclose(list(map(float, values)), wanted, atol=5e-6)
    fit = submission.fitted(asked(world, sample), world.clips)
    own = [picture for picture in pictures if 1 <= picture <= FRAMES]
    assert sum(fit.nearest.values()) == len(pictures) - len(own)
    assert sum(fit.left_out.values()) == FRAMES - len(own)


def test_what_does_not_fit_is_counted_and_told(world, tmp_path):
    sample = sampled(tmp_path / "s.csv", *(f"{TEST}/{n:05d}.jpg,," for n in (2, 3, 6, 7)))
    lines = submission.in_words(submission.fitted(asked(world, sample), world.clips))
    assert lines == [
        f"rows with the prediction of the nearest frame: 2 ({TEST} 2)",
        f"predictions that the sample does not ask for: 3 ({TEST} 3)",
    ]
    exact = submission.fitted(asked(world, None), world.clips)
    assert submission.in_words(exact) == []


@pytest.mark.parametrize("text", ["\ufeff{}", "{}\n\n\n"])
def test_a_mark_at_the_beginning_and_empty_lines_are_no_harm(world, tmp_path, text):
    plain = f"image_location, valence\r\n{TEST}/00002.jpg,0\r\n"
    (tmp_path / "s.csv").write_text(text.replace("{}", plain), newline="")
    assert [row[0] for row in written(world, tmp_path / "o", tmp_path / "s.csv")["mean.csv"]] == [
        "image_location",
        f"{TEST}/00002.jpg",
    ]


@pytest.mark.parametrize(
    "content, found",
    [
        (b"", "an empty file"),
        (b"image_location,valence\n", "no row after the header"),
        (b"image,valence\nx/1.jpg,0\n", "the header image,valence"),
        (b"image_location,valence,\nx/1.jpg,0,\n", "the header image_location,valence,"),
        (b"image_location;valence\nx/1.jpg;0\n", "the header image_location;valence"),
        (b"image_location,valence,valence\n", "the header"),
        (b"image_location,joy\nemil_test/1.jpg,0\n", "a column joy"),
        (b"image_location,valence\nemil_test,0\n", "'emil_test' in line 2"),
        (b"image_location,valence\nemil_test/x.jpg,0\n", "in line 2"),
        (b"image_location,valence\nemil_test/1.jpg,0\nemil_test/00001.jpg,0\n", "2 times"),
        (b"image_location,valence\nnobody/1.jpg,0\nnothing/1.jpg,0\n", "(and 1 more)"),
        (b"image_location,valence\nanna/1.jpg,0\n", "a train clip"),
        (b"image_location,valence\n\xff\xfe/1.jpg,0\n", "no CSV"),
        (b'image_location,valence\n"' + b"x" * 200_000 + b"\n", "no CSV"),
    ],
)
def test_a_bad_sample_is_a_line_and_nothing_is_written(world, tmp_path, content, found):
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(Problem) as problem:
        written(world, tmp_path / "out", tmp_path / "s.csv")
    assert found in str(problem.value) and "\n" not in str(problem.value)
    assert not (tmp_path / "out").exists()


def test_a_sample_that_is_not_there_is_a_line(world, tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(Problem):
            asked(world, path)


def test_a_corpus_without_test_clips_has_nothing_to_hand_in(world):
    with pytest.raises(Problem) as problem:
        submission.of_test_clips([c for c in world.clips if c.name != TEST], RANGES)
    assert "corpus.test" in str(problem.value)


def test_files_of_folds_that_are_not_run_any_more_do_not_stay(world, tmp_path):
    (tmp_path / "fold7.csv").write_text("old")
    (tmp_path / "folder.csv").write_text("the user's own")
    assert "fold7.csv" not in written(world, tmp_path)
    assert (tmp_path / "folder.csv").exists()


def test_any_targets_are_handed_in_and_those_that_were_not_run_stay_empty(tmp_path):
    ranges = {"dominance": (1.0, 9.0), "arousal": (-1.0, 1.0)}
    world = scoring_world.make(tmp_path / "w", targets=("dominance",), ranges=ranges)
    trained = runs.read(world.runs, world.wanted, world.clips)
    rows = submission.of_test_clips(world.clips, labels.ranges(world.labels))
    submission.write(tmp_path / "out", rows, trained, world.clips, ranges)
    report.write(scoring_world.results(world), world.report)
    mean = (tmp_path / "out/mean.csv").read_text()
    assert mean == (world.report / "submission.csv").read_text()
    assert mean.startswith("image_location,dominance,arousal\n") and mean.splitlines()[1][-1] == ","

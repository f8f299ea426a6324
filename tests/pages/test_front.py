"""The content of a report's front page, against numbers that are computed here by themselves."""

from __future__ import annotations

import csv
import html
import json
import re

import numpy as np
import pages_world
import pytest
import scoring_world
from scoring_world import FRAMES, files

from rjcma.concordance import ccc
from rjcma.pages import (
    ablation,
    clip_table,
    conditions,
    curves,
    figure,
    frames,
    made_from,
    plane,
    site,
    sparkline,
)
from rjcma.pages.conditions import FACE, SPEECH


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = pages_world.make(tmp_path_factory.mktemp("world"))
    pages_world.ablate(world)
    pages_world.write(world)
    return world


@pytest.fixture(scope="module")
def read(world):
    return frames.read(scoring_world.results(world), pages_world.sources(world))


BOTH = {"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)}


def page(world) -> str:
    return (world.report / "index.html").read_text()


def rows_of(text: str, table: str) -> list[list[str]]:
    """The cells of a table, found by a text before it."""
    body = text[text.index(table) :]
    body = body[: body.index("</table>")]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub("<.*?>", "", cell)).strip() for cell in row] for row in cells]


def test_the_table_is_that_of_the_report(world):
    from stages import score

    score.main(world.manifest, world.labels, world.runs, world.root / "scored", world.params)
    with (world.root / "scored" / "table.csv").open(newline="") as file:
        expected = [row[:4] for row in csv.reader(file)]  # other conventions follow
    shown = rows_of(page(world), 'aria-label="CCC of each fold"')
    for row, given in zip(shown[1:4], expected[1:4], strict=True):
        assert row[0] == f"Fold {given[0]}"
        np.testing.assert_allclose([*map(float, row[1:])], [*map(float, given[1:])], atol=5.1e-4)
    means = [float(cell.split(" ±")[0]) for cell in shown[4][1:]]
    spreads = [float(cell.split("±")[1]) for cell in shown[4][1:]]
    np.testing.assert_allclose(means, [*map(float, expected[4][1:])], atol=5.1e-4)
    np.testing.assert_allclose(spreads, [*map(float, expected[5][1:])], atol=5.1e-4)


def test_every_clip_has_a_row_and_the_worst_is_first(world, read):
    rows = clip_table.rows(read, BOTH)
    assert {row.name for row in rows} == set(FRAMES)
    means = [row.mean for row in rows if row.mean is not None]
    assert means == sorted(means) and rows[-1].name == "emil_test" and rows[-1].mean is None
    shown = rows_of(page(world), 'id="clip-table"')
    assert [row[0] for row in shown[1:]] == [row.name for row in rows]


def test_a_row_has_the_clips_own_numbers(world, read):
    row = next(r for r in clip_table.rows(read, BOTH) if r.name == "cleo")
    truth, predicted = world.truth["cleo"], world.predictions["arousal", 2]["cleo"]
    labelled = np.isfinite(truth[:, 1])
    assert row.group == "fold 2" and row.frames == 12 and row.seconds == pytest.approx(13 / 7.5)
    assert row.ccc[1] == pytest.approx(ccc(predicted[labelled], truth[labelled, 1]))
    squared = (predicted[labelled].astype(float) - truth[labelled, 1]) ** 2
    assert row.rmse[1] == pytest.approx(np.sqrt(squared.mean()))
    assert row.no_face == pytest.approx(1 / 13)
    assert row.speech == pytest.approx(3 / 13)  # frames 0, 1 and 3


def test_a_small_line_goes_through_the_means_of_its_frames_and_breaks_where_none_is_known():
    values = np.repeat([0.0, 100.0, np.nan, 25.0], sparkline.POINTS)  # of 4 frames to a point
    steps = re.findall(r"([ML])([\d.]+) ([\d.]+)", sparkline.path(values, (0.0, 100.0)))
    known = [four[np.isfinite(four)] for four in values.reshape(sparkline.POINTS, 4)]
    heights = [25 - 24 * four.mean() / 100 for four in known if four.size]
    np.testing.assert_allclose([float(y) for _, _, y in steps], heights, atol=0.05)
    assert [step for step, _, _ in steps].count("M") == 2
    assert sparkline.path(np.full(3, np.nan), (-1, 1)) == ""


def test_errors_are_split_by_face_and_by_speech(world, read):
    for kind, frame_is in ((FACE, lambda k: k != 1), (SPEECH, lambda k: k in (0, 1, 3))):
        for number, rows in enumerate(conditions.measured(read, {"valence": (-1, 1)}, kind)):
            truth, predicted = [], []
            for name, fold in {"anna": 1, "bert": 1, "cleo": 2, "dora": 0}.items():
                for k in range(FRAMES[name]):
                    value = world.truth[name][k, 0]
                    if np.isfinite(value) and frame_is(k) == (number == 0):
                        truth.append(float(value))
                        predicted.append(float(world.predictions["valence", fold][name][k]))
            error = np.subtract(predicted, truth)
            assert rows.frames == len(truth)
            assert rows.rmse == pytest.approx(np.sqrt(np.mean(error**2)))
            assert rows.ccc == pytest.approx(ccc(predicted, truth))


def test_errors_of_targets_with_different_ranges_are_shares_of_them(world, read):
    same = conditions.measured(read, BOTH, FACE)
    (shown,) = conditions.figures({"Face": same})
    assert [*shown.data[0]["y"], *shown.data[1]["y"]] == [row.rmse for row in same]
    other = conditions.measured(read, {**BOTH, "arousal": (-1.0, 9.0)}, FACE)
    (shown,) = conditions.figures({"Face": other})
    assert [*shown.data[1]["y"]] == pytest.approx([row.rmse / 10 for row in same[2:]])
    assert "share of the range" in shown.layout["yaxis"]["title"]["text"]


def test_regions_hold_every_labelled_frame_once(world, read):
    truth, _ = frames.pooled(read, "valence")
    drawn = plane.error_by_region(read, "valence", BOTH)
    assert sum(drawn.data[0]["customdata"]) == len(truth) == sum(FRAMES.values()) - 5 - 4
    over = plane.error_over_plane(read, BOTH)
    assert over.data[0]["customdata"].sum() == len(truth)


def test_the_error_over_the_plane_is_the_root_mean_square_distance(world, read):
    pairs = {target: frames.pooled(read, target) for target in plane.PLANE}
    drawn = plane.error_over_plane(read, BOTH).data[0]
    for row in range(plane.REGIONS):
        for column in range(plane.REGIONS):
            squared = [
                (vp - vt) ** 2 + (ap - at) ** 2
                for vt, vp, at, ap in zip(*pairs["valence"], *pairs["arousal"], strict=True)
                if int((vt + 1) / 2 * plane.REGIONS) == column
                and int((at + 1) / 2 * plane.REGIONS) == row
            ]
            if squared:
                assert drawn["z"][row, column] == pytest.approx(np.sqrt(np.mean(squared)))
            else:
                assert np.isnan(drawn["z"][row, column])


def test_a_cell_of_the_plane_counts_the_frames_in_it(world, read):
    x, y = (frames.pooled(read, target)[0] for target in plane.PLANE)
    drawn = plane.over_plane(read, BOTH)[0].data[0]
    for column in range(0, plane.CELLS, 7):
        for row in range(0, plane.CELLS, 7):
            left, low = -1 + 2 * column / plane.CELLS, -1 + 2 * row / plane.CELLS
            size = 2 / plane.CELLS
            inside = (x >= left) & (x < left + size) & (y >= low) & (y < low + size)
            assert drawn["customdata"][row, column] == inside.sum()
            middle = drawn["x0"] + column * drawn["dx"], drawn["y0"] + row * drawn["dy"]
            assert middle == pytest.approx((left + size / 2, low + size / 2))


def test_other_targets_have_their_units_and_no_plane(tmp_path):
    ranges = {"dominance": (1.0, 9.0), "joy": (0.0, 100.0)}
    world = pages_world.make(tmp_path, targets=("joy",), folds=(0,), ranges=ranges)
    pages_world.write(world)
    text = page(world)
    assert 'id="plane"' not in text and "dominance" not in text
    drawn = frames.read(scoring_world.results(world), pages_world.sources(world))
    own = next(f for f in drawn if f.clip.name == "dora").truth["joy"]
    assert np.nanmin(own) >= 0 and np.nanmax(own) > 1
    assert "<button" in text and "Mean CCC" not in text  # the mean of one target is that target


def test_a_target_has_one_colour_in_all_figures_and_on_the_pages_of_clips(tmp_path):
    ranges = dict.fromkeys(("dominance", "joy", "trust"), (0.0, 10.0))
    world = pages_world.make(tmp_path, targets=("trust", "joy"), folds=(0,), ranges=ranges)
    pages_world.write(world)
    front = site.read_data(world.report, "front")["figures"]
    shown: dict[str, set[str]] = {"joy": set(), "trust": set()}
    for name, drawn in front.items():
        for line in drawn["data"]:
            known = [name, line.get("name"), *(line["y"] if name == "folds" else ())]
            target = next(t for t in shown if any(t in str(each) for each in known))
            parts = [line.get("line", {}), line.get("marker", {})]
            shown[target] |= {part["color"] for part in parts if "color" in part}
    for target in site.read_data(world.report, "clips/anna")["targets"]:
        if target["name"] in shown:
            shown[target["name"]].add(target["colour"])
    others = {"var(--ink)", "var(--quiet)"}
    assert {target: found - others for target, found in shown.items()} == {
        "joy": {"var(--green)"},
        "trust": {"var(--purple)"},
    }


def test_what_is_missing_is_said_and_the_rest_is_shown(tmp_path):
    world = pages_world.make(tmp_path, folds=(0,))
    nothing = {"features": None, "transcripts": None, "ablation": None}
    text = (pages_world.write(world, **nothing) / "index.html").read_text()
    assert "dvc pull data/features/faces" in text and "dvc pull data/transcripts" in text
    assert "Ablation" not in text and 'id="clip-table"' in text


def test_what_the_pages_show_is_in_the_provenance(tmp_path):
    world = pages_world.make(tmp_path, folds=(0,))
    before = pages_world.sources(world).digests(world.clips)
    assert before.keys() == {"all faces", "all transcripts"}
    (world.transcripts / "anna.json").unlink()
    after = pages_world.sources(world).digests(world.clips)
    assert {kind for kind in after if after[kind] != before[kind]} == {"all transcripts"}


def test_a_damaged_feature_is_named_and_left_out(tmp_path, capsys):
    world = pages_world.make(tmp_path, folds=(0,))
    (world.features / "faces" / "dora.h5").write_bytes(b"no HDF5")
    (world.transcripts / "anna.json").write_text("no JSON")
    pages_world.write(world)
    told = capsys.readouterr().err
    assert told.count("dora.h5") == 1 == told.count("anna.json")
    assert (world.report / "clips" / "dora.html").is_file()
    read = frames.read(scoring_world.results(world), pages_world.sources(world))
    assert [f.clip.name for f in read if f.face is None] == ["dora"]
    assert [f.clip.name for f in read if f.speech is None] == ["anna"]


def test_the_epochs_in_which_layers_were_released_are_marked(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,released\n1,0\n2,0\n3,1\n4,1\n5,3\n")
    assert curves.released_at(path) == [3, 5]
    path.write_text("epoch,loss\n1,0\n2,0\n")
    assert curves.released_at(path) == []


def test_a_release_and_the_selected_epoch_have_their_own_marks(world):
    run = scoring_world.results(world).runs[0]
    folder = world.root / "other"
    (folder / run.name).mkdir(parents=True)
    text = "epoch,loss,ccc,learning_rate,released\n1,1,0.1,1e-5,0\n2,1,0.2,1e-5,0\n3,1,0.1,1e-5,1\n"
    (folder / run.name / "history.csv").write_text(text)
    history = [{"epoch": float(n), "loss": 1.0, "ccc": 0.1} for n in (1, 2, 3)]
    drawn = curves.figures([run._replace(history=history)], [run.target], folder)[0]
    assert drawn.data[0]["marker"]["symbol"] == ["circle", "star", "triangle-up"]
    assert drawn.table.rows[0][-1] == "3"


def test_the_legend_tells_the_fold_of_each_pattern(world):
    results = scoring_world.results(world)
    for drawn in curves.figures(results.runs, results.targets, world.runs):
        lines = drawn.data[: len(results.runs)]
        shown = {item["name"]: item["line"]["dash"] for item in drawn.data[len(lines) :]}
        for run, line in zip(results.runs, lines, strict=True):
            assert line["line"]["dash"] == shown[f"fold {run.fold}"]
        assert len(set(shown.values())) == len(shown) == 3


def test_the_ablations_tables_are_shown(world):
    rows = rows_of(page(world), 'aria-label="Recursions"')
    assert rows[2] == ["JCA", "0.400 ± 0.050", "-0.100"]
    assert "Runs per row: 6." in page(world)


def test_the_tables_that_an_ablation_writes_can_be_read():
    from rjcma.scoring.table import markdown_table

    written = [["Row", "Mean"], ["a, b", "0.1"], ["c", ""]]
    text = f"## One\n\n{markdown_table(written)}\n\n## Two\n\n- a note\n"
    first, second = ablation.parts(text)
    assert first == ablation.Part("One", figure.Table(written[0], written[1:]), [])
    assert second == ablation.Part("Two", None, ["a note"])


def test_what_all_runs_share_is_told_once(tmp_path):
    runs = []
    for name, other in (("valence-0", {"seed": 1}), ("arousal-0", {"seed": 2, "delay": 0.5})):
        (tmp_path / name).mkdir()
        about = {"package": "p 1", "settings": {**other, "batch": 4}}
        (tmp_path / name / "run.json").write_text(json.dumps({"about": about}))
        runs.append(type("Run", (), {"name": name}))
    (part,) = made_from.parts(runs, pages_world.Sources(tmp_path))
    assert part.rows == [
        ("package", "p 1"),
        ("settings batch", "4"),
        ("settings seed", "differs from run to run"),
        ("settings delay", "differs from run to run"),
    ]


def test_every_figure_is_described_and_every_picture_has_a_text(world):
    text = page(world)
    labels = re.findall(r'data-figure="[^"]+" role="img" aria-label="([^"]*)"', text)
    assert len(labels) == text.count("data-figure=") >= 9
    assert all(len(label) > 20 for label in labels)
    assert all('alt="' in tag for tag in re.findall(r"<img[^>]*>", text))


def test_the_same_runs_give_the_same_pages(world, tmp_path):
    from rjcma.pages import report

    again = pages_world.sources(world)
    report.write(scoring_world.results(world), tmp_path / "again", again)
    assert files(tmp_path / "again") == files(world.report)


def test_no_number_of_a_table_is_a_negative_zero():
    macros = site._templates().get_template("macros.html").module
    shown = [macros.number(value) for value in (-0.0001, -0.25, 0.25, None)]
    assert shown == ["0.000", "−0.250", "0.250", ""]

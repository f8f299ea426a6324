"""The file of rows: what it may contain, how it changes the params, and what it refuses."""

from __future__ import annotations

import json

import pytest
from fusion_world import KINDS
from places import ROOT
from ruamel.yaml import YAML
from tiny_corpus import settings as tiny_settings

from rjcma.ablation import row_settings, rows
from rjcma.ablation.row_settings import changed
from rjcma.problem import Problem
from rjcma.training.sections import Settings

VALID = {
    "seeds": [1, 2],
    "base": {"recursions": 3},
    "tables": {
        "one": {
            "about": "One",
            "reference": "A",
            "rows": [{"name": "A"}, {"name": "B", "set": {"recursions": 1}}],
        }
    },
}


def read(tmp_path, content):
    path = tmp_path / "rows.yaml"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return rows.read(path)


def with_row(row):
    table = {**VALID["tables"]["one"], "rows": [{"name": "A"}, row]}
    return {**VALID, "tables": {"one": table}}


def committed(name) -> row_settings.Rows:
    """The committed rows, with these params."""
    path = ROOT / "ablation/rows.yaml"
    return row_settings.of_rows(rows.read(path), Settings.read(ROOT / name), path)


def test_the_rows_with_power_are_rows_of_the_committed_ones():
    """So a difference that they show is one of settings that `make ablation` knows too."""
    path, params = ROOT / "ablation/power.yaml", Settings.read(ROOT / "params/power.yaml")
    found = row_settings.of_rows(rows.read(path), params, path)
    committed_rows = row_settings.of_rows(
        rows.read(ROOT / "ablation/rows.yaml"), params, ROOT / "ablation/rows.yaml"
    )
    assert set(found.values()) <= set(committed_rows.values())
    assert [s.recursions for (table, _), s in found.items() if table == "recursions"] == [
        1,
        2,
        3,
        4,
    ]


@pytest.mark.parametrize("name", ["params.yaml", "params/affwild2.yaml", "params/power.yaml"])
def test_the_committed_rows_are_valid_with_the_committed_params(name):
    found = committed(name)
    assert all(settings.training.select_by == "held_out" for settings in found.values())
    recursions = [s.recursions for (table, _), s in found.items() if table == "recursions"]
    assert recursions == [1, 2, 3, 4]
    assert {settings.fusion.kind for settings in found.values()} == set(KINDS)
    modalities = {settings.fusion.modalities for settings in found.values()}
    assert {("visual", "audio"), ("visual",), ("audio",), ("text",)} < modalities
    variants = [s.fusion.kind for (table, _), s in found.items() if table == "variants"]
    assert variants == ["rjcma", "released"]
    assert {settings.training.permute_labels for settings in found.values()} == {False, True}


def test_every_committed_reference_is_the_papers_network():
    ablation, found = rows.read(ROOT / "ablation/rows.yaml"), committed("params.yaml")
    (reference,) = {found[name, table.reference] for name, table in ablation.tables.items()}
    assert (reference.recursions, reference.fusion.kind) == (3, "rjcma")
    assert reference.fusion.modalities == ("visual", "audio", "text")


def test_a_row_sets_its_own_keys_and_base_sets_keys_of_all_rows(tmp_path):
    content = with_row({"name": "B", "set": {"recursions": 1, "fusion.modality_dropout.text": 0.5}})
    content["base"] = {"recursions": 3, "windows.stride": 5}
    base = tiny_settings()
    found = row_settings.of_rows(read(tmp_path, content), base, "rows.yaml")
    a, b = found["one", "A"], found["one", "B"]
    assert (a.recursions, b.recursions) == (3, 1)
    assert a.windows.stride == b.windows.stride == 5 and a.windows.frames == base.windows.frames
    assert (a.fusion.modality_dropout.text, b.fusion.modality_dropout.text) == (0, 0.5)
    assert b.fusion.widths == base.fusion.widths and b.folds == base.folds


def test_a_key_may_name_a_whole_group():
    modality_dropout = {"visual": 0.1, "text": 0.2}
    assert (
        changed(
            tiny_settings(), {"fusion.modality_dropout": modality_dropout}, "x"
        ).fusion.modality_dropout.text
        == 0.2
    )


def test_a_row_with_another_kind_of_fusion_may_set_its_keys_and_has_none_of_the_former(tmp_path):
    transformer = tiny_settings()._replace(
        fusion=changed(tiny_settings(), {"fusion.kind": "transformer"}, "x").fusion
    )
    assert transformer.fusion.heads == 4
    more = changed(tiny_settings(), {"fusion.kind": "transformer", "fusion.heads": 2}, "x")
    assert (more.fusion.heads, more.fusion.layers) == (2, 2)
    assert changed(transformer, {"fusion.heads": 2}, "x").fusion.heads == 2
    back = changed(transformer, {"fusion.kind": "concat"}, "x").fusion
    assert back.kind == "concat" and "heads" not in back.model_dump()
    assert back.widths == tiny_settings().fusion.widths and back.hidden == 11
    with pytest.raises(Problem, match=r"fusion.heads = 2; expected one of the keys modalities"):
        changed(transformer, {"fusion.kind": "concat", "fusion.heads": 2}, "x")


def test_a_key_may_name_a_whole_section():
    transformer = changed(tiny_settings(), {"fusion.kind": "transformer"}, "x")
    plain = changed(transformer, {"fusion": {"kind": "concat"}}, "x").fusion
    assert (plain.kind, plain.hidden) == ("concat", 128)
    for fusion, message in (
        ({"kind": "concat", "heads": 2}, "fusion.heads = 2; expected one of the keys modalities"),
        ({"hidden": 3}, "fusion.kind = no value; expected one of rjcma, rjcma_dynamic"),
        (3, "fusion = 3; expected "),
    ):
        with pytest.raises(Problem, match=message):
            changed(transformer, {"fusion": fusion}, "x")


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("fusion.knid", "concat", "fusion.knid = 'concat'; expected one of the keys modalities, "),
        ("fusion.widths.smell", 3, "expected one of the keys visual, audio, text"),
        ("recursion", 3, "expected one of recursions, encoders, windows, fusion, training"),
        ("corpus.folds", 3, "key corpus.folds = 3; expected a key of the params file"),
        ("recursions.deep", 3, "key recursions.deep = 3; expected a key of the params file"),
        ("training.seed.of", 3, "key training.seed.of; expected a key that rows may set"),
        ("training.epochs.of", 3, "key training.epochs.of = 3; expected a key of the params file"),
        ("fusion.kind", "mean", "fusion.kind = 'mean'; expected one of rjcma, rjcma_dynamic, "),
        ("fusion.widths", {"smell": 3}, "fusion.widths.smell = 3; expected one of the keys visual"),
        ("fusion.heads", 3, "fusion.heads = 3; expected one of the keys modalities, "),
        ("fusion.modalities", [], "fusion.modalities = []; expected at least one of visual"),
        ("recursions", 0, "recursions = 0; expected greater than or equal to 1"),
        ("training.seed", 5, "key training.seed; expected a key that rows may set"),
        ("encoders.visual.mode", "finetune", "all rows read the same features"),
        ("encoders.audio.mode", "finetune", "all rows read the same features"),
        ("encoders.mode", "finetune", "expected encoders.visual.mode and encoders.audio.mode, as"),
        ("fusion.variant", "released", "expected fusion.kind, rjcma for the paper's equations"),
        ("fusion.absence", 0.1, "expected fusion.modality_dropout, as it is called now"),
        ("training.rate", 0.1, "expected training.learning_rate, as it is called now"),
        ("training.labels", "permuted", "expected training.permute_labels, true or false, as"),
    ],
)
def test_a_mistake_in_what_a_row_sets_is_reported_with_row_and_key(tmp_path, key, value, message):
    ablation = read(tmp_path, with_row({"name": "B", "set": {key: value}}))
    with pytest.raises(Problem) as caught:
        row_settings.of_rows(ablation, tiny_settings(), "rows.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("rows.yaml: table one: row B: found ")


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "expected YAML"),
        ("- 1", "expected "),
        ({**VALID, "seeds": []}, "seeds = []"),
        ({**VALID, "seeds": [1, 1]}, "each seed once"),
        ({**VALID, "seeds": [1, 0.5]}, "seeds.1 = 0.5"),
        ({**VALID, "tables": {}}, "tables = {}"),
        ({**VALID, "tables": {"../up": VALID["tables"]["one"]}}, "../up"),
        ({**VALID, "rows": []}, "rows = []; expected one of the keys seeds, base, tables"),
        (with_row({"name": "A"}), "rows with different names"),
        (with_row({"name": "a | b"}), "tables.one.rows.1.name = 'a | b'"),
        (with_row({"name": "B", "sets": {}}), "row B: tables.one.rows.1.sets = {}"),
        (with_row({"name": "B", "set": 3}), "row B: tables.one.rows.1.set = 3"),
        (with_row({"set": {}}), "tables.one.rows.1.name = no value"),
        (
            {**VALID, "tables": {"one": {**VALID["tables"]["one"], "reference": "C"}}},
            "expected a reference that is one of its rows: A, B",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_it(tmp_path, content, message):
    with pytest.raises(Problem) as caught:
        read(tmp_path, content)
    assert message in str(caught.value) and str(tmp_path / "rows.yaml") in str(caught.value)


def test_a_missing_file_of_rows_is_a_problem(tmp_path):
    with pytest.raises(Problem, match="no such file"):
        rows.read(tmp_path / "none.yaml")


def test_no_committed_row_repeats_another_of_its_table():
    path = ROOT / "ablation/rows.yaml"
    content = YAML(typ="safe").load(path)
    for name, table in content["tables"].items():
        rows_set = [
            json.dumps({**content["base"], **row["set"]}, sort_keys=True) for row in table["rows"]
        ]
        assert len(set(rows_set)) == len(rows_set), name

"""The file of rows: what it may say, what it makes of the params file, and what it refuses."""

from __future__ import annotations

import json

import pytest
from closure import ROOT
from ruamel.yaml import YAML
from tiny_corpus import settings as tiny_settings

from rjcma.ablation import row_settings as ablation_settings
from rjcma.ablation import rows as ablation_rows
from rjcma.ablation.row_settings import KINDS, changed
from rjcma.corpus.settings import Corpus
from rjcma.params import load
from rjcma.problem import Problem
from rjcma.training.sections import Settings

SOUND = {
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
    return ablation_rows.read(path)


def with_row(row):
    table = {**SOUND["tables"]["one"], "rows": [{"name": "A"}, row]}
    return {**SOUND, "tables": {"one": table}}


def params(name) -> Settings:
    path = ROOT / name
    sections = {key: load(path, key, kind) for key, kind in KINDS.items()}
    return Settings(corpus=load(path, "corpus", Corpus), **sections)


@pytest.mark.parametrize("name", ["params.yaml", "params/affwild2.yaml"])
def test_the_committed_rows_are_sound_with_the_committed_params(name):
    path = ROOT / "ablation/rows.yaml"
    rows = ablation_settings.of_rows(ablation_rows.read(path), params(name), path)
    assert all(settings.training.select_by == "held_out" for settings in rows.values())
    recursions = [s.recursions for (table, _), s in rows.items() if table == "recursions"]
    assert recursions == [1, 2, 3, 4]
    kinds = {settings.fusion.kind for settings in rows.values()}
    assert kinds == {"rjcma", "leader_follower", "transformer", "concat"}
    modalities = {settings.fusion.modalities for settings in rows.values()}
    assert {("visual", "audio"), ("visual",), ("audio",), ("text",)} < modalities
    assert {settings.fusion.variant for settings in rows.values()} == {"paper", "released"}
    assert {settings.training.labels for settings in rows.values()} == {"own", "permuted"}


def test_every_committed_reference_is_the_papers_network(tmp_path):
    path = ROOT / "ablation/rows.yaml"
    asked = ablation_rows.read(path)
    rows = ablation_settings.of_rows(asked, params("params.yaml"), path)
    references = {rows[name, table.reference] for name, table in asked.tables.items()}
    (one,) = references
    assert (one.recursions, one.fusion.kind, one.fusion.variant) == (3, "rjcma", "paper")


def test_a_row_changes_what_it_names_and_base_what_no_row_names(tmp_path):
    rows = with_row({"name": "B", "set": {"recursions": 1, "fusion.modality_dropout.text": 0.5}})
    rows["base"] = {"recursions": 3, "windows.stride": 5}
    base = tiny_settings()
    found = ablation_settings.of_rows(read(tmp_path, rows), base, "rows.yaml")
    a, b = found["one", "A"], found["one", "B"]
    assert (a.recursions, b.recursions) == (3, 1)
    assert a.windows.stride == b.windows.stride == 5 and a.windows.frames == base.windows.frames
    assert (a.fusion.modality_dropout.text, b.fusion.modality_dropout.text) == (0, 0.5)
    assert b.fusion.widths == base.fusion.widths and b.corpus == base.corpus


def test_a_key_may_name_a_whole_part():
    modality_dropout = {"visual": 0.1, "text": 0.2}
    assert (
        changed(
            tiny_settings(), {"fusion.modality_dropout": modality_dropout}, "x"
        ).fusion.modality_dropout.text
        == 0.2
    )


@pytest.mark.parametrize(
    "key, value, said",
    [
        ("fusion.knid", "concat", "key fusion.knid = 'concat'; expected one of kind, variant"),
        ("fusion.widths.smell", 3, "expected one of visual, audio, text"),
        ("recursion", 3, "expected one of recursions, encoders, windows, fusion, training"),
        ("corpus.folds", 3, "key corpus.folds = 3; expected a key of the params file"),
        ("recursions.deep", 3, "key recursions.deep = 3"),
        ("fusion.kind", "mean", "fusion.kind = 'mean'; expected 'rjcma', 'leader_follower'"),
        ("fusion.widths", {"smell": 3}, "fusion.widths.smell = 3; expected a key that is known"),
        ("fusion.modalities", [], "fusion.modalities = []; expected at least one of visual"),
        ("recursions", 0, "recursions = 0; expected greater than or equal to 1"),
        ("training.seed", 5, "key training.seed; expected a key that rows may differ in"),
        ("encoders.features.visual", "faces", "all rows read the same features"),
        ("encoders.mode", "finetune", "all rows read the same features"),
    ],
)
def test_a_mistake_in_what_a_row_sets_is_said_with_row_and_key(tmp_path, key, value, said):
    asked = read(tmp_path, with_row({"name": "B", "set": {key: value}}))
    with pytest.raises(Problem) as caught:
        ablation_settings.of_rows(asked, tiny_settings(), "rows.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("rows.yaml: table one: row B: found ")


@pytest.mark.parametrize(
    "content, said",
    [
        ("{", "expected YAML"),
        ("- 1", "expected "),
        ({**SOUND, "seeds": []}, "seeds = []"),
        ({**SOUND, "seeds": [1, 1]}, "each seed once"),
        ({**SOUND, "seeds": [1, 0.5]}, "seeds.1 = 0.5"),
        ({**SOUND, "tables": {}}, "tables = {}"),
        ({**SOUND, "tables": {"../up": SOUND["tables"]["one"]}}, "../up"),
        ({**SOUND, "rows": []}, "rows = []; expected a key that is known there"),
        (with_row({"name": "A"}), "rows of different names"),
        (with_row({"name": "a | b"}), "tables.one.rows.1.name = 'a | b'"),
        (with_row({"name": "B", "sets": {}}), "row B: tables.one.rows.1.sets = {}"),
        (with_row({"name": "B", "set": 3}), "row B: tables.one.rows.1.set = 3"),
        (with_row({"set": {}}), "tables.one.rows.1.name = no value"),
        (
            {**SOUND, "tables": {"one": {**SOUND["tables"]["one"], "reference": "C"}}},
            "expected a reference that is one of its rows: A, B",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_it(tmp_path, content, said):
    with pytest.raises(Problem) as caught:
        read(tmp_path, content)
    assert said in str(caught.value) and str(tmp_path / "rows.yaml") in str(caught.value)


def test_a_file_of_rows_that_is_not_there_is_said(tmp_path):
    with pytest.raises(Problem, match="no such file"):
        ablation_rows.read(tmp_path / "none.yaml")


def test_no_committed_row_repeats_another_of_its_table():
    path = ROOT / "ablation/rows.yaml"
    asked = YAML(typ="safe").load(path)
    for name, table in asked["tables"].items():
        sets = [json.dumps(row["set"], sort_keys=True) for row in table["rows"]]
        base = [json.dumps({**asked["base"], **json.loads(s)}, sort_keys=True) for s in sets]
        assert len(set(base)) == len(base), name

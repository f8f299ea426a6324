"""Recipes and ledgers: what changes between them is named, and what is written is read back."""

from __future__ import annotations

import json

import pytest

from rjcma.jobs.digests import digest_file
from rjcma.jobs.ledger import Ledger, Wanted
from rjcma.jobs.recipe import Recipe
from rjcma.problem import Problem


def recipe(**other):
    base = {
        "code": "c",
        "libraries": {"torch": "2.13.0"},
        "settings": {"faces": {"size": 48}, "seed": 1},
        "models": {"speech.model": "m"},
    }
    return Recipe(**{**base, **other})


@pytest.mark.parametrize(
    ("other", "changes"),
    [
        ({"code": "d"}, ["code"]),
        ({"libraries": {"torch": "2.14.0"}}, ["torch 2.13.0 -> 2.14.0"]),
        ({"libraries": {"torch": "2.13.0", "av": "18"}}, ["av 18 added"]),
        ({"libraries": {}}, ["torch 2.13.0 removed"]),
        ({"settings": {"faces": {"size": 40}, "seed": 1}}, ["faces.size 48 -> 40"]),
        ({"settings": {"faces": {"size": 48}}}, ["seed 1 removed"]),
        ({"models": {"speech.model": "n"}}, ["another speech.model"]),
        ({"models": {}}, ["another speech.model"]),
        ({"models": {"speech.model": ""}}, []),  # it is missing here, so it counts as unchanged
    ],
)
def test_what_differs_between_recipes_is_named(other, changes):
    assert recipe(**other).changes(recipe()) == changes


def test_the_order_of_settings_does_not_matter():
    other = recipe(settings={"seed": 1, "faces": {"size": 48}})
    assert other.id == recipe().id and other.changes(recipe()) == []


def test_a_ledger_is_read_as_it_was_written(tmp_path):
    ledger = Ledger(tmp_path)
    for name in ("b", "a"):
        (tmp_path / name).write_text(name)
    ledger.add("b", Wanted(recipe(), "1"), digest_file(tmp_path / "b"))
    ledger.add("a", Wanted(recipe(code="d"), "2"), digest_file(tmp_path / "a"))
    ledger.write()
    wanted = {"a": Wanted(recipe(code="d"), "2"), "b": Wanted(recipe(), "1")}
    assert Ledger(tmp_path).lacks(wanted) == {}
    assert Ledger(tmp_path).lacks({"a": Wanted(recipe(), "3")}) == {"a": ("code", "input")}
    text = (tmp_path / ".keys").read_text()
    Ledger(tmp_path).write()
    assert (tmp_path / ".keys").read_text() == text
    assert len(text.splitlines()) == 10 and list(json.loads(text)["files"]) == ["a", "b"]


def test_each_entry_is_on_disk_at_once_though_a_long_ledger_is_seldom_written(tmp_path):
    ledger, path, states = Ledger(tmp_path), tmp_path / ".keys", set()
    for number in range(100):
        ledger.add(f"file {number:03}", Wanted(recipe(), str(number)), "x")
        read = Ledger(tmp_path)
        assert read.entries == ledger.entries and len(read.entries) == number + 1
        assert len(json.loads(path.read_text())["files"]) > number - 10
        states.add(path.stat().st_ino)
    assert len(states) < 25
    ledger.write()
    assert [file.name for file in tmp_path.iterdir()] == [".keys"]
    text = path.read_bytes()
    Ledger(tmp_path).write()
    assert path.read_bytes() == text and Ledger(tmp_path).entries == ledger.entries


def test_an_entry_that_was_forgotten_does_not_come_back(tmp_path):
    ledger = Ledger(tmp_path)
    for name in ("a", "b", "c", "d"):
        ledger.add(name, Wanted(recipe(), ""), "x")
    assert (tmp_path / ".keys-latest").exists()
    ledger = Ledger(tmp_path)
    ledger.keep({"a"})
    ledger.write()
    assert list(Ledger(tmp_path).entries) == ["a"]


def test_a_file_without_inputs_is_read_as_it_was_written(tmp_path):
    (tmp_path / "a").write_text("x")
    wanted = {"a": Wanted(recipe(), "")}
    Ledger(tmp_path).add("a", wanted["a"], digest_file(tmp_path / "a"))
    assert Ledger(tmp_path).lacks(wanted) == {}


def test_a_recipe_that_no_file_uses_is_forgotten(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.add("a", Wanted(recipe(), ""), "x")
    ledger.add("a", Wanted(recipe(code="d"), ""), "x")
    assert [
        r["code"] for r in json.loads((tmp_path / ".keys").read_text())["recipes"].values()
    ] == ["d"]


def test_a_missing_model_has_an_empty_digest_in_the_recipe():
    missing = Problem(found="nothing", expected="a model", cure="get it")
    recipe = Recipe.of(["rjcma.timeline"], {}, {"a": "digest", "b": missing})
    assert recipe.models == {"a": "digest", "b": ""}


def test_files_without_a_ledger_are_of_unknown_origin(tmp_path):
    (tmp_path / "a").write_text("x")
    wanted = {"a": Wanted(recipe(), ""), "b": Wanted(recipe(), "")}
    assert Ledger(tmp_path).lacks(wanted) == {"a": ("no ledger",), "b": ("new",)}


@pytest.mark.parametrize("rest", ["", ', "files": {"a": {"new": "form"}}, "more": 1'])
def test_a_ledger_of_a_newer_version_is_refused_and_kept(tmp_path, rest):
    (tmp_path / ".keys").write_text(text := f'{{"format": 3{rest}}}')
    with pytest.raises(Problem, match=r"\.keys: found a ledger of format 3, .*; to do: update"):
        Ledger(tmp_path)
    assert (tmp_path / ".keys").read_text() == text


def test_a_ledger_of_the_first_format_is_read(tmp_path):
    (tmp_path / "a").write_text("x")
    digest = digest_file(tmp_path / "a")
    old = {
        "recipes": {recipe().id: recipe().model_dump(), "old": recipe(code="d").model_dump()},
        "files": {"a": [recipe().id, "1", digest, "old"], "b": [recipe().id, "2", digest]},
        "adopted": {recipe().id: {"made_by": ["old"], "checked": ["a"]}},
    }
    (tmp_path / ".keys").write_text(json.dumps(old))
    assert Ledger(tmp_path).lacks({"a": Wanted(recipe(), "1")}) == {}
    assert Ledger(tmp_path).entries["a"].of_content == digest
    Ledger(tmp_path).write()
    written = json.loads((tmp_path / ".keys").read_text())
    assert written.pop("format") == 2 and written == old

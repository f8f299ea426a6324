"""The documents: what they tell the reader to type, to set and to open is there.

That the commands work is for `tests/pipeline/test_stories.py`, which runs those of each block.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from dvc import cli as dvc
from dvc.cli import DvcParserError
from dvc.repo import Repo
from pages import PAGES, PROGRAMS, anchors, blocks, inline, is_command, links, simple_commands
from places import ROOT
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from rjcma import cli
from rjcma.params import load
from rjcma.problem import Problem
from rjcma.start import CLASSES

BLOCKS = [block for page in PAGES for block in blocks(page)]
SHELL = [block for block in BLOCKS if block.language == "sh"]
TYPED = sorted({command for block in SHELL for command in block.commands()})
MENTIONED = sorted({code for page in PAGES for code in inline(page) if is_command(code)})
with Repo(ROOT) as repo:
    KNOWN = {stage.name: stage for stage in repo.index.stages}
STAGES = {name for known in KNOWN for name in (known, known.split("@")[0])}
OUTPUTS = {out.def_path for stage in KNOWN.values() for out in stage.outs}
TREE = {"cp", "mkdir", "chgrp", "chmod", "source"}
"""Commands of the shell that need no check."""


def shown(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def is_placeholder(word: str) -> bool:
    """Whether a word stands for another: in capitals, or in angle brackets."""
    return re.fullmatch(r"[A-Z]+(\.\.\.|…)?", word) is not None or "<" in word


def check(words: list[str], complete: bool) -> None:
    """Fail if a program does not know what it is given; a mention need not be complete."""
    program, *given = words
    if program == "rjcma":
        check_rjcma(given, complete)
    elif program == "dvc":
        check_dvc(given)
    elif program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(given) <= set(targets)
    elif program == "python":
        assert given[0] == "-m" and importlib.util.find_spec(given[1]), given
    elif program == "sbatch":
        for each in simple_commands(given[-1]):
            check(each, complete)
    else:
        assert program in TREE or program in PROGRAMS or shutil.which(program), program


def check_rjcma(given: list[str], complete: bool) -> None:
    command: Any = typer.main.get_command(cli.app)
    context = command.context_class(command, info_name="rjcma")
    while hasattr(command, "commands") and given:
        name, *given = given
        assert name in command.commands, f"rjcma has no command {name}"
        command = command.commands[name]
    try:
        context = command.make_context(command.name, list(given), parent=context)
    except Exception as error:  # of the click that typer carries
        assert type(error).__name__ == "MissingParameter" and not complete, error
        return
    stage = context.params.get("stage", "STAGE")
    assert is_placeholder(stage) or stage in STAGES, f"dvc.yaml has no stage {stage}"


def check_dvc(given: list[str]) -> None:
    parsed = dvc.parse_args(given)
    for setting in getattr(parsed, "set_param", None) or []:
        check_setting(*setting.split("=", 1))
    if given[0] in ("repro", "pull") or given[:2] == ["exp", "run"]:
        for target in parsed.targets or []:
            assert target in STAGES | OUTPUTS or (ROOT / target).exists(), target


def check_setting(key: str, value: str) -> None:
    """Fail if params.yaml with this setting is not valid."""
    yaml = YAML(typ="safe")
    params = yaml.load(ROOT / "params.yaml")
    section, *path = key.split(".")
    if path:
        place = params[section]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = yaml.load(value)
    else:
        params[section] = yaml.load(value)
    TypeAdapter(CLASSES[section]).validate_python(params[section])


@pytest.mark.parametrize("command", TYPED)
def test_a_command_that_the_reader_types_is_complete_and_known(command):
    for words in simple_commands(command):
        check(words, complete=True)


@pytest.mark.parametrize("command", MENTIONED)
def test_a_command_that_a_sentence_names_is_known(command):
    for words in simple_commands(command):
        check(words, complete=False)


@pytest.mark.parametrize(
    "command",
    ["rjcma pul", "rjcma pull nothing", "rjcma make trian", "rjcma status --verfy", "dvc rerpo"]
    + ["dvc repro encod", "dvc exp run -S recursion=4", "dvc exp run -S fusion.kind=another"]
    + ["make reprod", "python -m benchmarks.none", "sbatch --wrap 'rjcma make trian'"],
)
def test_a_mistyped_command_is_found(command):
    with pytest.raises((AssertionError, DvcParserError, ValidationError, KeyError)):
        check(simple_commands(command)[0], complete=True)


def test_commands_stand_in_blocks_that_are_marked_as_shell():
    begins = re.compile(rf"^ *(\$ |[A-Z_]+=\S+ )?({'|'.join(PROGRAMS)}) ", re.MULTILINE)
    unmarked = [block for block in BLOCKS if block.language == "" and begins.search(block.text)]
    assert unmarked == []


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_to_files_and_headings_that_are_there(page):
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{shown(page)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{shown(page)} links to {link}"


def test_every_page_is_linked_from_the_readme():
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}
    assert {page.resolve() for page in PAGES} - linked == {ROOT / "README.md"}


def test_the_readme_is_a_page_of_ten_minutes():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


FILES = re.compile(r"(rjcma|stages|benchmarks|tests|params|ablation|models|docs)/[\w./-]+\.\w+")


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_files_of_the_project_that_a_page_names_are_there(page):
    got = re.compile(
        r"models/(face_detection_yunet|vosk-model|res50|vggish|fetched|bert)"
    )  # by the reader
    made = re.compile(r"params/mine\.yaml")
    for code in inline(page):
        if FILES.fullmatch(code) and not got.match(code) and not made.match(code):
            assert (ROOT / code).exists(), f"{shown(page)} names {code}"


def test_variables_that_the_documents_name_are_read_by_the_code():
    named = {name for page in PAGES for name in re.findall(r"RJCMA_[A-Z]+", page.read_text())}
    code = [path.read_text() for path in (ROOT / "rjcma").rglob("*.py")]
    code += [(ROOT / name).read_text() for name in ("Makefile", "dvc.yaml")]
    assert named and {name for name in named if not any(name in text for text in code)} == set()


SETTING = re.compile(rf"({'|'.join(CLASSES)})((?:\.\w+)+)")


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_settings_that_a_page_names_are_known(page):
    for section, names in [found.groups() for found in map(SETTING.match, inline(page)) if found]:
        known = set(properties(TypeAdapter(CLASSES[section]).json_schema()))
        assert set(names.strip(".").split(".")) <= known, f"{shown(page)} names {section}{names}"


def properties(schema: Any) -> Iterator[str]:
    """The names of all fields in a JSON schema, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
    for below in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(below, dict | list):
            yield from properties(below)


SECTIONS = [
    (shown(page), code)
    for page in PAGES
    for code in inline(page)
    if re.match(rf"({'|'.join(CLASSES)}|encoders\.(visual|audio)): \{{", code)
]


@pytest.mark.parametrize("page, code", SECTIONS)
def test_sections_of_params_in_a_text_are_valid(page, code):
    (key, value), *_ = YAML(typ="safe").load(code).items()
    section, *modality = key.split(".")
    params = YAML(typ="safe").load(ROOT / "params.yaml")[section]
    params = {**params, modality[0]: value} if modality else {**params, **value}
    TypeAdapter(CLASSES[section]).validate_python(params)


SNIPPETS = [block for block in BLOCKS if block.language == "yaml"]


@pytest.mark.parametrize("block", SNIPPETS, ids=lambda block: block.name)
def test_params_in_a_block_are_valid(block, tmp_path):
    sections = YAML(typ="safe").load(block.text)
    if not sections.keys() <= CLASSES.keys():
        assert "timeout_min" in sections  # the options of Slurm's jobs, which submitit checks
        return
    (tmp_path / "params.yaml").write_text(block.text)
    try:
        for name in sections:
            load(tmp_path / "params.yaml", name, CLASSES[name])
    except Problem as problem:
        pytest.fail(str(problem))

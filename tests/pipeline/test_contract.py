"""What the pipelines promise, held against the code: floors, dependencies, params and paths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from closure import ROOT, closure, imports, sections_loaded
from dvc.repo import Repo

FLOORS = [
    {
        "problem",
        "command",
        "params",
        "timeline",
        "store",
        "wav",
        "clipwise",
        "concordance",
        "device",
        "frozen",
    },
    {"corpus", "audio", "speech", "vision", "sample"},
    {"text", "fusion"},
    {"training"},
    {"scoring"},
]

OUTSIDE = {"cli", "install"}  # above all floors; nothing imports them
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.glob("rjcma/**/*.py"))


def part(path: Path) -> str:
    return path.parts[1].removesuffix(".py")


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_go_down_the_floors_only(module):
    if module.name == "__init__.py" or part(module) in OUTSIDE:
        return
    for other in imports(module):
        assert other.parts[0] == "rjcma" and part(other) not in OUTSIDE, f"{module} uses {other}"
        if part(other) != part(module):
            lower = floor(part(other)) < floor(part(module)) or floor(part(module)) == 0
            assert lower, f"{module} uses {other}, which does not stand below it"


@pytest.mark.parametrize(
    "module", [path for path in MODULES if path.name == "__init__.py"], ids=str
)
def test_init_files_are_empty(module):
    assert (ROOT / module).read_text() == ""


def stages():
    """The stages as DVC itself reads both pipelines, by name, each variant once."""
    with Repo(ROOT) as repo:
        resolved = [*repo.stage.load_all(), *repo.stage.load_all(str(ROOT / "ablation/dvc.yaml"))]
        return {stage.name.split("@")[0]: stage for stage in resolved}


STAGES = stages()


def command(stage) -> str:
    """The command that runs the stage's program, the last one where there are several."""
    return stage.cmd[-1] if isinstance(stage.cmd, list) else stage.cmd


def stage_file(stage) -> Path:
    return Path(*re.search(r"-m (stages\.\w+)", command(stage))[1].split(".")).with_suffix(".py")


def paths(entries) -> set[str]:
    return {Path(entry.def_path).as_posix() for entry in entries if hasattr(entry, "def_path")}


def deps_and_outs(stage) -> tuple[set[str], set[str]]:
    deps = {dep.def_path for dep in stage.deps if type(dep).__name__ == "Dependency"}
    return deps, paths(stage.outs)


def test_every_stage_of_the_design_is_there():
    named = {path.stem for path in ROOT.glob("stages/*.py")} - {"__init__"}
    encode = {"encode"}  # stands in dvc.yaml, and is generated only in mode precompute
    assert set(STAGES) | encode == named


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_every_module_that_it_uses(name):
    deps, _ = deps_and_outs(STAGES[name])
    code = {dep for dep in deps if dep.endswith(".py")}
    needed = {file.as_posix() for file in closure(stage_file(STAGES[name]))}
    needed = {file for file in needed if not file.endswith("__init__.py")}
    assert code == needed


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_the_sections_that_it_loads(name):
    declared = {
        key.split(".")[0]
        for dep in STAGES[name].deps
        if type(dep).__name__ == "ParamsDependency"
        for key in dep.params
    }
    assert declared == sections_loaded(stage_file(STAGES[name]))


@pytest.mark.parametrize("name", STAGES)
def test_every_data_path_of_a_command_is_declared(name):
    deps, outs = deps_and_outs(STAGES[name])
    declared = deps | outs
    for word in command(STAGES[name]).split():
        if word.startswith("data/"):
            below = [path for path in declared if path == word or path.startswith(word + "/")]
            assert below or reads_the_corpus_through_its_index(word, deps), word


def reads_the_corpus_through_its_index(word: str, deps: set[str]) -> bool:
    """The corpus is no dependency itself: its digests are in the manifest that `index` writes."""
    return word == "data/sample" and "data/clips.jsonl" in deps


def test_ablations_run_only_when_they_are_asked_for():
    with Repo(ROOT) as repo:
        assert "ablate" not in {stage.name for stage in repo.stage.load_all()}
        known = {stage.name: stage for stage in repo.index.stages}
        assert not list(repo.index.graph.predecessors(known["ablate"]))  # nothing depends on it
        assert known["embed_text"] in repo.index.graph.successors(known["ablate"])


def test_no_module_of_the_library_names_a_path_of_data():
    named = {path for path in MODULES if re.search(r"""["']data/""", (ROOT / path).read_text())}
    assert named == set()


@pytest.mark.parametrize("path", sorted(ROOT.glob("stages/*.py")), ids=lambda path: path.stem)
def test_stages_are_thin(path):
    assert len(path.read_text().splitlines()) <= 60

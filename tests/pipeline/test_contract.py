"""Promises of the pipelines, checked on the code: floors, dependencies, params and paths."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from closure import imports, named, rooms_used
from dvc.repo import Repo
from places import ROOT
from ruamel.yaml import YAML

from rjcma.start import CLASSES
from rjcma.training import sections

FLOORS = [
    {
        "problem",
        "command",
        "params",
        "jobs",
        "timeline",
        "manifest",
        "crops",
        "store",
        "gather",
        "wav",
        "concordance",
        "decoding",
        "device",
        "models",
    },
    {"annotations"},
    {"corpus", "sample", "audio", "speech", "vision"},
    {"text", "fusion"},
    {"encoders", "scoring", "mp4"},
    {"training"},
    {"attention"},
    {"ablation", "pages"},
    {"predict", "compare"},
]

TOGETHER = {"speech", "text"}
"""Rooms about words that know each other; no module imports one that imports it."""

OUTSIDE = {
    "about",
    "cli",
    "commands",
    "doctor",
    "entry",
    "install",
    "mend",
    "pipeline",
    "places",
    "pull",
    "start",
    "status",
}  # above all floors
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.glob("rjcma/**/*.py"))


def part(path: Path) -> str:
    return path.parts[1].removesuffix(".py")


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


def is_free(module: Path) -> bool:
    return module.name == "__init__.py" or part(module) in OUTSIDE


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_go_down_the_floors_only(module):
    for other in () if is_free(module) else imports(module):
        assert other.parts[0] == "rjcma" and part(other) not in OUTSIDE, f"{module} uses {other}"
        if part(other) != part(module):
            below = floor(part(other)) < floor(part(module))
            both_lowest = floor(part(other)) == floor(part(module)) == 0
            together = {part(other), part(module)} == TOGETHER
            assert below or both_lowest or together, (
                f"{module} uses {other}, which is not on a lower floor"
            )


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_that_are_imported_later_by_name_are_not_on_a_higher_floor(module):
    for other in () if is_free(module) or part(module) == "jobs" else named(module):
        assert floor(part(other)) <= floor(part(module)), f"{module} names {other}"


def test_every_room_has_a_floor():
    assert {part(path) for path in MODULES} - {"__init__"} == set.union(*FLOORS) | OUTSIDE


def test_there_are_no_import_cycles():
    graph = {module: imports(module) - {Path("rjcma/__init__.py")} for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)


@pytest.mark.parametrize(
    "module", [path for path in MODULES if path.name == "__init__.py"], ids=str
)
def test_init_files_are_empty(module):
    assert (ROOT / module).read_text() == ""


def stages():
    """The stages of both pipelines as DVC reads them, by name; of each stage one variant."""
    with Repo(ROOT) as repo:
        resolved = [*repo.stage.load_all(), *repo.stage.load_all(str(ROOT / "ablation/dvc.yaml"))]
        return {stage.name.split("@")[0]: stage for stage in resolved}


STAGES = stages()
LOOKING = {name for name, stage in STAGES.items() if not stage.always_changed}
"""The stages that run only when a dependency has changed."""


def stage_file(stage) -> Path:
    return Path(*re.search(r"-m (stages\.\w+)", stage.cmd)[1].split(".")).with_suffix(".py")


def paths(entries) -> set[str]:
    return {Path(entry.def_path).as_posix() for entry in entries if hasattr(entry, "def_path")}


def deps_and_outs(stage) -> tuple[set[str], set[str]]:
    deps = {dep.def_path for dep in stage.deps if type(dep).__name__ == "Dependency"}
    return deps, paths(stage.outs)


def test_every_stage_of_the_design_is_there():
    assert set(STAGES) == {path.stem for path in ROOT.glob("stages/*.py")} - {"__init__"}


@pytest.mark.parametrize("name", sorted(LOOKING))
def test_a_stage_depends_exactly_on_the_rooms_that_change_its_result(name):
    deps, _ = deps_and_outs(STAGES[name])
    program = stage_file(STAGES[name])
    assert {dep for dep in deps if dep.startswith("rjcma/")} == rooms_used(program)
    assert program.as_posix() in deps


@pytest.mark.parametrize("name", sorted(LOOKING - {"score"}))
def test_a_stage_whose_keys_hold_versions_depends_on_the_lock(name):
    assert "requirements.lock" in deps_and_outs(STAGES[name])[0]


READERS = {"extract_audio", "faces", "score"}
"""Stages that need `corpus` only for its root, which decides no file: the manifest has digests.

Pages hold the root as the place where a reader looks for videos first; they can set another."""


def sections_loaded(path: Path) -> set[str]:
    """The sections that a stage loads: single ones, those of a run, or all of them."""
    text = (ROOT / path).read_text()
    loaded = {
        call.args[1].value
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "load"
    }
    if "Settings.read(" in text:
        loaded |= {"corpus", *sections.SECTIONS}
    return loaded | (set(CLASSES) if "start.check(" in text else set())


@pytest.mark.parametrize("name", sorted(LOOKING))
def test_a_stage_declares_the_sections_that_it_loads(name):
    declared = {
        key.split(".")[0]
        for dep in STAGES[name].deps
        if type(dep).__name__ == "ParamsDependency"
        for key in dep.params
    }
    loaded = sections_loaded(stage_file(STAGES[name]))
    assert declared == (loaded - {"corpus"} if name in READERS else loaded)


IF_HERE = {
    "ablate": {"data/runs"},
    "score": {"data/features", "data/words", "data/transcripts", "data/ablation/report"},
}
"""What a stage uses if it is here; it is no dependency, since nobody needs it to run the stage."""


@pytest.mark.parametrize("name", STAGES)
def test_every_data_path_of_a_command_is_declared(name):
    deps, outs = deps_and_outs(STAGES[name])
    for word in set(STAGES[name].cmd.split()) - IF_HERE.get(name, set()):
        if word.startswith("data/"):
            declared = deps | outs
            assert any(p == word or p.startswith(word + "/") for p in declared), word


def test_outputs_that_keys_keep_are_left_in_place_by_dvc():
    for name in LOOKING - {"score"} | {"index"}:
        for out in STAGES[name].outs:
            assert out.persist or "report" in out.def_path, f"{name}: {out.def_path}"


def commands() -> dict[str, tuple[str, object]]:
    """Each stage's command as it is in the file, and what it is repeated over."""
    found = {}
    for path in ("dvc.yaml", "ablation/dvc.yaml"):
        for name, stage in YAML(typ="safe").load(ROOT / path)["stages"].items():
            over = stage.get("foreach", stage.get("matrix"))
            found[name] = (stage.get("do", stage)["cmd"], over)
    return found


@pytest.mark.parametrize("name", commands())
def test_no_param_reaches_a_shell_unquoted(name):
    """DVC inserts a whole `item` of a matrix as quoted options, but everything else unquoted."""
    command, over = commands()[name]
    inserted = set(re.findall(r"(?<!\\)\$\{([^}]*)\}", command))
    fixed = over is not None and "${" not in str(over)
    assert inserted <= ({"item", "key"} if fixed else {"item"})
    assert fixed or not inserted or isinstance(over, dict)


def test_the_pipeline_can_be_read():
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) < 150


def test_ablations_run_only_when_they_are_asked_for():
    with Repo(ROOT) as repo:
        assert "ablate" not in {stage.name for stage in repo.stage.load_all()}
        known = {stage.name: stage for stage in repo.index.stages}
        assert not list(repo.index.graph.predecessors(known["ablate"]))  # nothing depends on it
        assert known["embed_text"] in repo.index.graph.successors(known["ablate"])


def test_the_index_comes_after_the_sample_and_no_stage_depends_on_a_path_of_the_corpus():
    with Repo(ROOT) as repo:
        known = {stage.name: stage for stage in repo.index.stages}
        assert known["sample@sample"] in repo.index.graph.successors(known["index"])
        root = {out.def_path for out in known["sample@sample"].outs} - {"data/README.md"}
        assert not any(dep.def_path.startswith(*root) for s in known.values() for dep in s.deps)


def test_no_module_of_the_library_names_a_path_of_data():
    named = {path for path in MODULES if re.search(r"""["']data/""", (ROOT / path).read_text())}
    assert named == set()


@pytest.mark.parametrize("path", sorted(ROOT.glob("stages/*.py")), ids=lambda path: path.stem)
def test_stages_are_thin(path):
    assert len(path.read_text().splitlines()) <= 60


def test_make_gpu_runs_every_test_that_needs_a_gpu():
    needs = "skipif(" + "not torch.cuda.is_available()"
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        lines = path.read_text().splitlines()
        unmarked = [
            number
            for number, line in enumerate(lines, 1)
            if needs in line and lines[number - 2] != "@pytest.mark.gpu"
        ]
        assert not unmarked, f"{path.relative_to(ROOT)}: lines {unmarked} lack the mark gpu"

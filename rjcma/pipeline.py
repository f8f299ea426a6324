"""The stages of both pipelines, read by DVC, and the work that each stage would do."""

from __future__ import annotations

import importlib
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import typer
from dvc.repo import Repo

from rjcma.jobs.adoption import work_of
from rjcma.jobs.work import Work
from rjcma.problem import Problem

PREFIX = "stages."

MAIN = "dvc.yaml"
"""The file of the pipeline that `dvc repro` runs."""

WHOLE = ("sample", "index", "score")
"""Stages that do not work clip by clip, video by video or run by run."""


class Stage(NamedTuple):
    """A stage, or one variant of it."""

    name: str
    """Its name, and its variant's: `train@valence-0`."""
    command: str
    outs: tuple[Path, ...]
    before: frozenset[str]
    """The names of all stages that it depends on, directly or indirectly."""
    changed: bool
    """Whether DVC sees a change that makes it run. Looked up only for the stages `WHOLE`."""

    @property
    def base(self) -> str:
        """The name without the variant's."""
        return self.name.partition("@")[0]

    def work(self) -> Work | None:
        """The work that it would do; None if it does not work clip by clip. Nothing is run.

        Raises `Problem` if a file that tells the work is missing or damaged.
        """
        return None if self.base in WHOLE else _work(self.command)


def stages() -> list[Stage]:
    """The stages of the pipeline that `dvc repro` runs, each after those that it depends on."""
    with Repo(str(Path.cwd())) as repo:
        graph = repo.index.graph
        found = [_stage(each, graph) for each in repo.index.stages if each.path_in_repo == MAIN]
    return sorted(found, key=lambda stage: (len(stage.before), stage.name))


def works(name: str) -> list[Work]:
    """The work of the stage `name`, one for each of its variants (`train@valence-0`, ...).

    Raises `Problem` if there is no such stage, or if it does not work clip by clip.
    """
    with Repo(str(Path.cwd())) as repo:
        commands = {stage.name: _command(stage) for stage in repo.index.stages}
    wanted = [c for stage, c in commands.items() if stage == name or stage.startswith(name + "@")]
    if not wanted:
        known = sorted({stage.partition("@")[0] for stage in commands})
        raise Problem(
            file=MAIN,
            found=f"no stage {name}",
            expected=f"one of {', '.join(known)}",
            cure="correct the name",
        )
    if name.partition("@")[0] in WHOLE:
        raise Problem(
            file=f"stage {name}",
            found="a stage that does not work clip by clip",
            expected="a stage that makes one file per clip, video or run",
            cure="run `dvc repro`",
        )
    return [_work(command) for command in wanted]


def _stage(stage: Any, graph: Any) -> Stage:
    before: set[Any] = set()
    waiting = [stage]
    while waiting:
        further = set(graph.successors(waiting.pop())) - before
        before |= further
        waiting += further
    return Stage(
        stage.name,
        _command(stage),
        tuple(Path(out.fs_path) for out in stage.outs),
        frozenset(other.name for other in before),
        stage.name.partition("@")[0] in WHOLE and _is_changed(stage),
    )


def _is_changed(stage: Any) -> bool:
    """Whether DVC sees a change. Needs no lock, unlike DVC's own function: DVC may be running."""
    try:
        return stage.changed_stage() or any(e.status() for e in [*stage.deps, *stage.outs])
    except OSError:  # a broken link, for example
        return True


def _command(stage: Any) -> str:
    return str(stage.cmd if isinstance(stage.cmd, str) else stage.cmd[-1])


def _work(command: str) -> Work:
    """The work that a stage's command would do."""
    words = shlex.split(command)
    start = next(n for n, word in enumerate(words) if word.startswith(PREFIX))
    stage = importlib.import_module(words[start])
    app = typer.Typer()
    app.command()(stage.main)
    program = typer.main.get_command(app)
    work = work_of(lambda: program(args=words[start + 1 :], standalone_mode=False))
    assert work is not None, command
    return work

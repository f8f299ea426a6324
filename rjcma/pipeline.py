"""The stages of both pipelines, read by DVC, and the work that each stage would do."""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from dvc.repo import Repo

from rjcma.jobs.adoption import work_of
from rjcma.jobs.work import Work
from rjcma.problem import Problem

PREFIX = "stages."


def works(name: str) -> list[Work]:
    """The work of the stage `name`, one for each of its variants (`train@valence-0`, ...).

    Raises `Problem` if there is no such stage, or if it does not work clip by clip.
    """
    commands = {
        stage.name: stage.cmd if isinstance(stage.cmd, str) else stage.cmd[-1]
        for stage in stages()
        if stage.name == name or stage.name.startswith(name + "@")
    }
    if not commands:
        known = sorted({stage.name.partition("@")[0] for stage in stages()})
        raise Problem(
            file="dvc.yaml",
            found=f"no stage {name}",
            expected=f"one of {', '.join(known)}",
            cure="correct the name",
        )
    clipwise = [work for command in commands.values() if (work := _work(command)) is not None]
    if len(clipwise) < len(commands):
        raise Problem(
            file=f"stage {name}",
            found="a stage that does not work clip by clip",
            expected="a stage that makes one file per clip, video or run",
            cure="run `dvc repro`",
        )
    return clipwise


def stages() -> Sequence[Any]:
    """All stages of both pipelines."""
    with Repo(str(Path.cwd())) as repo:
        return list(repo.index.stages)


def _work(command: str) -> Work | None:
    """The work that a stage's command would do."""
    words = shlex.split(command)
    start = next(n for n, word in enumerate(words) if word.startswith(PREFIX))
    stage = importlib.import_module(words[start])
    app = typer.Typer()
    app.command()(stage.main)
    program = typer.main.get_command(app)
    return work_of(lambda: program(args=words[start + 1 :], standalone_mode=False))

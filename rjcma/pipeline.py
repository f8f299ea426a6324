"""The stages of both pipelines, read by DVC, and the work that each stage does."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

import typer
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.repo import Repo
from dvc.rwlock import rwlock

from rjcma.command import DIGESTS
from rjcma.jobs import shards
from rjcma.jobs.adoption import run, work_of
from rjcma.jobs.digests import remember_in
from rjcma.jobs.executors import Died, opened, outcomes
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.progress import say
from rjcma.jobs.shards import Shard
from rjcma.jobs.work import Work, died, unforeseen
from rjcma.problem import Problem, Problems

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
    with repository() as repo:
        graph = repo.index.graph
        found = [_stage(each, graph) for each in repo.index.stages if each.path_in_repo == MAIN]
    return sorted(found, key=lambda stage: (len(stage.before), stage.name))


def works(name: str) -> list[Work]:
    """The work of the stage `name`, one for each of its variants (`train@valence-0`, ...).

    Raises `Problem` if there is no such stage, or if it does not work clip by clip.
    """
    return list(_works(_variants(name)).values())


def make(name: str) -> None:
    """Do the work of the stage `name`, of all its variants, or of the shard that the user chose.

    Meanwhile DVC keeps off what the stage reads and writes. Runs are trained at once, as far as the
    executor has room, each as DVC would train it; clips are made at once within each variant.
    Raises `Problem` as `works` does, and if DVC or another such command is at work there, and
    `Problems` with one line per clip or run that failed, after all others.
    """
    shard = shards.chosen()
    variants = _variants(name)
    with _locked(name, variants, shard):
        found = _works(variants)
        if all(work.workers == "here" for work in found.values()):
            _run_at_once(name, found, shard)
        else:
            for work in found.values():
                run(work)


def perform(command: str, folder: Path) -> list[Problem]:
    """In a worker: run a stage's program, which writes to `folder`, as DVC would -> problems."""
    remember_in(DIGESTS)
    if isinstance(sys.stderr, TextIOWrapper):  # a line is written as a whole, among others' lines
        sys.stderr.reconfigure(line_buffering=True, write_through=False)
    try:
        _program(command)()
    except Problem as problem:
        return [problem]
    except Problems as problems:
        return problems.problems
    except Exception as error:
        return [unforeseen(error, "", folder)]
    return []


def _run_at_once(name: str, found: dict[str, Work], shard: Shard | None) -> None:
    """Run the programs of variants that have one job each, side by side."""
    mine = dict(shard.part(list(found.items())) if shard else found.items())
    waiting = {c: work for c, work in mine.items() if Ledger(work.folder).lacks(work.wanted)}
    say(f"{name}: {len(mine)} in all, {len(mine) - len(waiting)} kept, {len(waiting)} to make")
    if not waiting:
        return
    session = f"{name} {shard}" if shard else name
    needs = next(iter(waiting.values())).needs
    problems, done = [], 0
    with opened(session, "processes", len(waiting), needs) as pool:
        calls = {command: (perform, command, work.folder) for command, work in waiting.items()}
        with closing(outcomes(pool, calls)) as ended:
            for command, outcome in ended:
                work = waiting[command]
                if isinstance(outcome, Died):
                    outcome = [died(work.jobs[0].name, work.folder)]
                problems += outcome
                done += 1
                state = "failed" if outcome else "done"
                say(f"{work.folder}: {state}; {name}: {done} of {len(waiting)} have ended")
    if problems:
        raise Problems(problems)


def _variants(name: str) -> list[Any]:
    """The stages called `name` in dvc.yaml, or `name@…`."""
    known_stages = dvc_stages()
    found = [stage for stage in known_stages if stage.name.partition("@")[0] == name]
    if not found:
        known = sorted({stage.name.partition("@")[0] for stage in known_stages})
        raise Problem(
            file=MAIN,
            found=f"no stage {name}",
            expected=f"one of {', '.join(known)}",
            cure="correct the name",
        )
    return found


def _works(variants: Sequence[Any]) -> dict[str, Work]:
    """The work of each of these stages, by its command."""
    name = variants[0].name.partition("@")[0]
    if name in WHOLE:
        raise Problem(
            file=f"stage {name}",
            found="a stage that does not work clip by clip",
            expected="a stage that makes one file per clip, video or run",
            cure="run `dvc repro`",
        )
    return {command: _work(command) for command in map(_command, variants)}


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


def dvc_stages() -> Sequence[Any]:
    """All stages of both pipelines."""
    with repository() as repo:
        return list(repo.index.stages)


@contextmanager
def repository() -> Iterator[Repo]:
    """DVC's repository in the current folder, with its stages.

    Raises `Problem` if there is none, or if DVC cannot read its files.
    """
    try:
        repo = Repo(str(Path.cwd()))
        repo.index.check_graph()
    except DvcException as error:
        is_outside = isinstance(error, NotDvcRepoError)
        raise Problem(
            file=Path.cwd(),
            found=str(error).rstrip("."),
            expected="the folder of the project, with files of DVC that can be read",
            cure="go to the folder that holds dvc.yaml"
            if is_outside
            else "settle the conflict if git reports one in this file; else `rjcma mend`, which"
            " mends what a kill has damaged, or correct the file",
        ) from None
    with repo:
        yield repo


@contextmanager
def _locked(name: str, variants: Sequence[Any], shard: Shard | None) -> Iterator[None]:
    """Lock, as DVC itself does, what these stages read and write.

    Shards share what they write with one another, as readers do.
    """
    reads = {dep.fs_path for stage in variants for dep in stage.deps}
    writes = {out.fs_path for stage in variants for out in stage.outs}
    if shard:
        reads, writes = reads | writes, set()
    repo = variants[0].repo
    hardlink = repo.config["core"].get("hardlink_lock", False)
    with ExitStack() as stack:
        try:
            what = f"rjcma make {name}"
            held = rwlock(repo.tmp_dir, repo.fs, what, sorted(reads), sorted(writes), hardlink)
            stack.enter_context(held)
        except DvcException as error:
            raise Problem(
                file=f"stage {name}",
                found=str(error).partition("\n\n")[0],
                expected="that nobody else is at work on what the stage reads and writes",
                cure="wait until that process ends, or stop it; `rjcma mend` mends a damaged lock",
            ) from None
        yield


def _program(command: str) -> Callable[[], Any]:
    """The program of a stage's command, with its arguments."""
    words = shlex.split(command)
    start = next(n for n, word in enumerate(words) if word.startswith(PREFIX))
    stage = importlib.import_module(words[start])
    app = typer.Typer()
    app.command()(stage.main)
    program = typer.main.get_command(app)
    return lambda: program(args=words[start + 1 :], standalone_mode=False)


def _work(command: str) -> Work:
    """The work that a stage's command would do."""
    work = work_of(_program(command))
    assert work is not None, command
    return work

"""A function over clips: nothing is done twice, and nothing that was done is lost.

Every output has a key: the recipe that all outputs of a stage share, and its own inputs
(`rjcma.jobs.recipe`). An output whose key and content are those of the folder's ledger is kept,
anything else is made anew, and what belongs to no job is removed; so the folder ends as work from
nothing would leave it. An outdated output stays until the new one takes its place: who goes back to
the settings and code that made it, before that, has it back.

Outputs are written beside their place and renamed into it, and never opened for writing
themselves (they may be links into DVC's cache). A clip that fails does not stop the others. Killed
at any moment, the outputs in flight are all that is lost.
"""

from __future__ import annotations

import pkgutil
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.jobs.digests import digest_file, digest_value
from rjcma.jobs.files import PARTIAL, copy, partial_of
from rjcma.jobs.ledger import LEDGER, Ledger, Wanted
from rjcma.jobs.progress import Progress, say
from rjcma.jobs.recipe import Model, Recipe, modules_of
from rjcma.jobs.workers import Workers, executor
from rjcma.problem import Problem, Problems

Make = Callable[..., None]
"""Makes a job's output: called with arguments and, last, the path to write to."""


class Job(NamedTuple):
    """One output to be made: its name (a clip's or a video's), and what it is made from."""

    name: str
    arguments: tuple[Any, ...]
    """What the function is called with, before the path to write to; must be picklable."""
    digests: tuple[str, ...]
    """What the arguments stand for by content: digests of files, and values that matter."""
    length: float = 0
    """How long the clip is, in whatever unit: the shortest and the longest are checked first."""
    files: tuple[str, ...] = ()
    """Where a job makes several files: their names. The function then writes to a folder."""
    recipe: Recipe | None = None
    """The job's own, where jobs have not all the same."""


@dataclass(frozen=True)
class Work:
    """All that a stage makes: `folder/<name><suffix>` for each job, or the files that it names."""

    make: str | Make
    """The function, or where it is, as `module:name`: then its module, and the libraries that this
    imports, are loaded only if there is something to make."""
    jobs: Sequence[Job]
    folder: Path
    suffix: str
    common: tuple[Any, ...] = ()
    """Arguments that all jobs share; they come first."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The parts of params that shape the outputs, as plain values (`rjcma.params.keyed`)."""
    models: Mapping[str, Model] = field(default_factory=dict)
    """The models' identities by params key, or why they are not here."""
    implementations: Sequence[str] = ()
    """Classes and functions, `module:name`, that the function calls without importing them."""
    workers: Workers = "processes"
    unit: str = "clip"
    """What a job is about, in lines of progress."""
    around: str = ""
    """Where a context manager is, `module:name`, that is entered while jobs are done, with the
    common arguments; empty where there is none."""
    elsewhere: Sequence[Path] = ()
    """Folders in which the same outputs may lie, made by the same recipe: these are copied."""
    quiet: bool = False
    """Whether nothing is said of how the work goes."""

    @cached_property
    def recipe(self) -> Recipe:
        """What all outputs have in common, but those of jobs with a recipe of their own."""
        modules = modules_of(self.make, *self.implementations)
        return Recipe.of(modules, self.settings, self.models)

    @cached_property
    def wanted(self) -> dict[str, Wanted]:
        """Every file that is to stand at the end, and what it is to be made from."""
        names = {
            name: Wanted(job.recipe or self.recipe, digest_value([job.name, *job.digests]))
            for job in self.jobs
            for name in self.names(job)
        }
        if len(names) != sum(len(self.names(job)) for job in self.jobs):
            raise ValueError("two jobs of one name")
        return names

    def names(self, job: Job) -> tuple[str, ...]:
        """The files that a job makes."""
        return job.files or (job.name + self.suffix,)


def run(work: Work, pool: Executor | None = None) -> None:
    """Make what is not there already.

    The number of workers is RJCMA_WORKERS, else the cores at hand; it changes no result. Any other
    executor of `concurrent.futures` may be handed in.

    Raises `Problems` with a line a failed clip, after all others have been made and kept, and
    `Problem` where a model is missing that something must be made with.
    """
    work.folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(work.folder)
    lacking = ledger.lacks(work.wanted)
    taken = {name for name in lacking if _taken_over(work, name, ledger)}
    lacking = {name: why for name, why in lacking.items() if name not in taken}
    waiting = [job for job in work.jobs if any(name in lacking for name in work.names(job))]
    if waiting:
        refuse_without_models(work)
    ledger.keep(work.wanted)
    _remove_stale_files(work.folder, ledger.entries)
    if not work.quiet:
        say(_plan(work, waiting, lacking, taken))
    problems = []
    for job, problem in made(work, waiting, ledger, pool):
        if problem:
            problems.append(problem)
            ledger.keep(ledger.entries.keys() - set(work.names(job)))
    _remove_stale_files(work.folder, ledger.entries)
    ledger.write()
    if problems:
        lines = {str(problem): problem for problem in problems}  # a killed worker fails many alike
        raise Problems([lines[line] for line in sorted(lines)])


def made(
    work: Work, jobs: Sequence[Job], ledger: Ledger, pool: Executor | None = None
) -> Iterator[tuple[Job, Problem | None]]:
    """Make the jobs' outputs in the ledger's folder, and enter them; -> each job as it is done,
    with its problem if it has one."""
    if not jobs:
        return
    with ExitStack() as stack:
        if work.workers != "processes":
            resolved(work.make)  # loaded here, once, before threads ask for it side by side
        if work.around:
            stack.enter_context(pkgutil.resolve_name(work.around)(*work.common))
        pool = pool or stack.enter_context(executor(work.workers, len(jobs)))
        progress = nullcontext() if work.quiet else Progress(str(work.folder), len(jobs), work.unit)
        shown = stack.enter_context(progress)
        futures: dict[Future[list[str] | Problem], Job] = {
            pool.submit(
                _made, work.make, work.common, job, ledger.folder, _Places.of(work, job)
            ): job
            for job in jobs
        }
        stack.callback(lambda: [future.cancel() for future in futures])
        for future in as_completed(futures):
            job, outcome = futures[future], _outcome(future, ledger.folder)
            failed = isinstance(outcome, Problem)
            if not isinstance(outcome, Problem):
                for name, digest in zip(work.names(job), outcome, strict=True):
                    ledger.add(name, work.wanted[name], digest)
            if shown is not None:
                shown.step(failed=failed)
            yield job, outcome if isinstance(outcome, Problem) else None


def resolved(make: str | Make) -> Make:
    """The function itself, its module loaded."""
    function: Make = pkgutil.resolve_name(make) if isinstance(make, str) else make
    return function


def _taken_over(work: Work, name: str, ledger: Ledger) -> bool:
    """Whether a file lay elsewhere under the same key, and now is here."""
    for place in work.elsewhere:
        other = Ledger(place)
        if not other.lacks({name: work.wanted[name]}):
            copy(place / name, ledger.folder / name)
            ledger.add(name, work.wanted[name], other.entries[name].digest)
            return True
    return False


def refuse_without_models(work: Work) -> None:
    """Raise the `Problem` of a model that is not here."""
    for model in work.models.values():
        if isinstance(model, Problem):
            raise model


def _remove_stale_files(folder: Path, entries: Iterable[str]) -> None:
    """Remove what no entry names: outputs of clips that are gone, outdated or half-written."""
    known = {LEDGER, *entries}
    for path in folder.iterdir():
        if path.name not in known and (path.is_file() or path.name.endswith(PARTIAL)):
            _remove(path)


def _plan(
    work: Work,
    waiting: Sequence[Job],
    lacking: Mapping[str, tuple[str, ...]],
    taken: Collection[str],
) -> str:
    """How many jobs there are, are kept, are taken over, and are to be done, and why these."""
    to_do = {job.name for job in waiting}
    done = [job for job in work.jobs if job.name not in to_do]
    copied = sum(any(name in taken for name in work.names(job)) for job in done)
    kept = len(work.jobs) - len(waiting) - copied
    line = f"{work.folder}: {len(work.jobs)} in all, {kept} kept"
    line += f", {copied} taken over" if copied else ""
    if not waiting:
        return line
    reasons = Counter(
        " and ".join(next(lacking[n] for n in work.names(job) if n in lacking)) for job in waiting
    )
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"{line}, {len(waiting)} to make ({told})"


class _Places(NamedTuple):
    """Where a job writes."""

    names: tuple[str, ...]
    """The files that it makes."""
    folder: str
    """What a folder with them is called while they are made; empty where there is one file."""

    @classmethod
    def of(cls, work: Work, job: Job) -> _Places:
        return cls(work.names(job), job.name if job.files else "")


def _made(
    make: str | Make, common: tuple[Any, ...], job: Job, folder: Path, places: _Places
) -> list[str] | Problem:
    """In the worker: make a job's files, and put them in their place.

    -> their digests, or what went wrong.
    """
    path = folder / (places.folder or places.names[0])
    partial = partial_of(path)
    _remove(partial)
    try:
        if places.folder:
            partial.mkdir()
        resolved(make)(*common, *job.arguments, partial)
        parts = [partial / name for name in places.names] if places.folder else [partial]
        digests = [digest_file(part) for part in parts]
        for part, name in zip(parts, places.names, strict=True):
            part.replace(folder / name)
        return digests
    except Problem as problem:
        return problem
    except Exception as error:
        return _unforeseen(error, "" if places.folder else job.name, path)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _unforeseen(error: Exception, name: str, path: Path) -> Problem:
    at = traceback.extract_tb(error.__traceback__)[-1]
    return Problem(
        clip=name,
        file=path,
        found=f"{type(error).__name__}: {error} (at {Path(at.filename).name}:{at.lineno})",
        expected="no such error: the input is unusual, or there is a mistake in rjcma",
        cure="look at this clip's input; if it is sound, report this line",
    )


def _outcome(future: Future[list[str] | Problem], folder: Path) -> list[str] | Problem:
    try:
        return future.result()
    except BrokenProcessPool:
        return Problem(
            file=folder,
            found="a worker process that was killed, by the system for want of memory perhaps",
            expected="workers that end by themselves",
            cure="run again (finished clips are kept) with fewer workers: RJCMA_WORKERS=1",
        )

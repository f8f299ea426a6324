"""Apply a function to all clips: nothing is done twice, and no finished output is lost.

Every output has a key: the recipe that all outputs of a stage share, and its own inputs
(`rjcma.jobs.recipe`). An output is kept if its key and content are those in the folder's ledger;
any other is made again. Files that belong to no job are removed, so the folder ends as if all had
been made from nothing. An outdated output stays until the new one replaces it: if the settings and
code are changed back before that, it is used again.

Outputs are written under a temporary name, given their provenance (`rjcma.jobs.provenance`), and
then renamed; an existing output is never opened for writing (it may be a link into DVC's cache). A
clip that fails does not stop the others. If the process is killed, only the unfinished outputs are
lost.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import pkgutil
import secrets
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.jobs import provenance, shards
from rjcma.jobs.digests import digest_value
from rjcma.jobs.executors import Died, is_elsewhere, opened, outcomes
from rjcma.jobs.files import PARTIAL, copy, is_readable, partial_of, replace, unwritable
from rjcma.jobs.ledger import LEDGER, Ledger, Wanted
from rjcma.jobs.progress import Progress, say
from rjcma.jobs.provenance import About, Made
from rjcma.jobs.recipe import Model, Recipe, modules_of
from rjcma.jobs.workers import DEFAULT, Needs, Workers
from rjcma.problem import Problem, Problems, shown

NAMED = 3  # jobs that a problem names (ours)

FAILED = ".failed"
"""The file beside the ledger that holds the jobs that failed, and why. Only a run that fails leaves
it; DVC records nothing of such a run, and the next run removes it."""

Make = Callable[..., None]
"""Makes a job's output: called with the job's arguments and, last, the path to write to."""


class Job(NamedTuple):
    """One output to make: its name (a clip's or a video's), and what it is made from."""

    name: str
    arguments: tuple[Any, ...]
    """The function's arguments before the path to write to; must be picklable."""
    digests: Mapping[str, str]
    """The job's inputs, by name: digests of files' contents (`rjcma.jobs.inputs`), and values that
    change the output. The key holds them in this order, and without their names."""
    length: float = 0
    """The clip's length, in any unit: adoption checks the shortest and the longest job."""
    files: tuple[str, ...] = ()
    """If the job makes several files, their names. The function then writes to a folder."""
    recipe: Recipe | None = None
    """The job's own recipe, if the jobs have different ones; models are then not looked for."""
    make: str | Make = ""
    """The job's own function, if the jobs have different ones."""


@dataclass(frozen=True)
class Work:
    """All that a stage makes: `folder/<name><suffix>` for each job, or the job's `files`."""

    make: str | Make
    """The function, or its name as `module:name`: then its module, and the libraries that this
    imports, are imported only if there is something to make."""
    jobs: Sequence[Job]
    folder: Path
    suffix: str
    stage: str = ""
    """The stage's name, for the outputs' provenance."""
    common: tuple[Any, ...] = ()
    """Arguments that all jobs share; they come first."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The params that change the outputs, as plain values (`rjcma.params.keyed`)."""
    models: Mapping[str, Model] = field(default_factory=dict)
    """By params key, the models' digests or the `Problem` that a model is missing here."""
    implementations: Sequence[str] = ()
    """Classes and functions, `module:name`, that the function calls without importing them."""
    workers: Workers = "processes"
    needs: Needs = DEFAULT
    """What one worker needs."""
    unit: str = "clip"
    """The word for one job in lines of progress."""
    around: str = ""
    """A context manager, `module:name`, that is entered with the common arguments while jobs are
    done; empty if there is none."""
    source: Path | None = None
    """The corpus's folder, if the jobs read it; where it is missing, nothing can be made."""
    elsewhere: Sequence[Path] = ()
    """Other folders that may hold the same outputs, made by the same recipe: these are copied."""
    quiet: bool = False
    """Whether to print no progress."""
    keeps_others: bool = False
    """Whether the folder's other files stay, as where one's own videos come now and then."""

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of all outputs, except those of jobs with their own recipe."""
        modules = modules_of(self.make, *self.implementations)
        return Recipe.of(modules, self.settings, self.models)

    @cached_property
    def wanted(self) -> dict[str, Wanted]:
        """Every file that must exist at the end, and what it is to be made from."""
        names = {
            name: Wanted(job.recipe or self.recipe, inputs)
            for job in self.jobs
            for inputs in [digest_value([job.name, *job.digests.values()])]
            for name in self.names(job)
        }
        if len(names) != sum(len(self.names(job)) for job in self.jobs):
            raise ValueError("two jobs with the same name")
        return names

    def names(self, job: Job) -> tuple[str, ...]:
        """The files that a job makes."""
        return job.files or (job.name + self.suffix,)

    def about(self, job: Job) -> About:
        """The provenance of a job's files, except their names and the recipe."""
        make = job.make or self.make
        return {
            self.unit: job.name,
            "stage": self.stage,
            "function": make if isinstance(make, str) else f"{make.__module__}:{make.__name__}",
            "package": provenance.package(),
            "inputs": dict(job.digests),
        }


def run(work: Work, pool: Executor | None = None) -> None:
    """Make all outputs that are missing or outdated.

    The number of workers is RJCMA_WORKERS, else the number of cores; it changes no result. `pool`
    may be any executor of `concurrent.futures`.

    Raises `Problems` with one line per failed clip, after all others have been made and kept, and
    `Problem` if an output needs a model, or the corpus, that is missing.
    """
    shard = shards.chosen()
    part = dataclasses.replace(work, jobs=shard.part(work.jobs)) if shard else work
    ledger = shards.ledger(work.folder, part.wanted, shard)
    lacking = ledger.lacks(part.wanted)
    copied = {name for name in lacking if _take_over(part, name, ledger)}
    lacking = {name: why for name, why in lacking.items() if name not in copied}
    waiting = [job for job in part.jobs if any(name in lacking for name in work.names(job))]
    if waiting:
        refuse_without_models(work, waiting)
        refuse_without_source(work, waiting, _listed(work, waiting, lacking))
    work.folder.mkdir(parents=True, exist_ok=True)
    if not work.keeps_others:
        ledger.keep(part.wanted)
    if not shard:
        _remove_stale_files(work.folder, ledger.entries)
    if not work.quiet:
        say(_plan(part, waiting, lacking, copied))
    problems = {}
    for job, problem in do(part, waiting, ledger, pool):
        if problem:
            problems[job.name] = problem
            ledger.keep(ledger.entries.keys() - set(work.names(job)))
    ledger.write()
    whole = shards.merged(work.folder, work.wanted, shard) if shard else ledger
    if whole:
        _remove_stale_files(work.folder, whole.entries)
    else:
        say(f"{work.folder}: {shard} has ended; the last one to end completes the folder")
    if problems:
        failed = {name: str(problem) for name, problem in sorted(problems.items())}
        replace(work.folder / FAILED, (json.dumps(failed, indent=1) + "\n").encode())
        # A missing model repeats its line.
        lines = {str(problem): problem for problem in problems.values()}
        raise Problems([lines[line] for line in sorted(lines)])


def do(
    work: Work, jobs: Sequence[Job], ledger: Ledger, pool: Executor | None = None
) -> Iterator[tuple[Job, Problem | None]]:
    """Make the jobs' outputs in the ledger's folder, and enter them in the ledger.

    -> each job when it is done, with its problem if it failed.
    """
    if not jobs:
        return
    elsewhere = pool is None and is_elsewhere(work.workers)
    make = functools.partial(_make_within, work.around) if elsewhere and work.around else _make
    calls = {
        n: (make, job.make or work.make, work.common, job, ledger.folder, _Places.of(work, job))
        for n, job in enumerate(jobs)
    }
    with ExitStack() as stack:
        if work.workers != "processes" and not elsewhere:
            resolved(work.make)  # imported here, once, before several threads need it
        if work.around and not elsewhere:
            stack.enter_context(pkgutil.resolve_name(work.around)(*work.common))
        if pool is None:
            here = opened(str(ledger.path), work.workers, len(jobs), work.needs)
            pool = stack.enter_context(here)
        progress = nullcontext() if work.quiet else Progress(str(work.folder), len(jobs), work.unit)
        shown = stack.enter_context(progress)
        for n, outcome in stack.enter_context(closing(outcomes(pool, calls))):
            job = jobs[n]
            if isinstance(outcome, Died):
                outcome = died(job.name, ledger.folder)
            failed = isinstance(outcome, Problem)
            if not isinstance(outcome, Problem):
                for name, made in zip(work.names(job), outcome, strict=True):
                    with suppress(OSError):  # a full disk: `run` writes the ledger again at the end
                        ledger.add(name, work.wanted[name], *made)
            if shown is not None:
                shown.step(failed=failed)
            yield job, outcome if isinstance(outcome, Problem) else None


def resolved(make: str | Make) -> Make:
    """The function itself; its module is imported."""
    function: Make = pkgutil.resolve_name(make) if isinstance(make, str) else make
    return function


def _take_over(work: Work, name: str, ledger: Ledger) -> bool:
    """Copy a file that another folder holds under the same key. -> whether there is one."""
    for place in work.elsewhere:
        other = Ledger(place)
        if not other.lacks({name: work.wanted[name]}):
            copy(place / name, ledger.folder / name)
            ledger.take_over(name, other)
            return True
    return False


def refuse_without_models(work: Work, jobs: Sequence[Job]) -> None:
    """Raise the `Problem` of a model that is missing here and that one of the jobs needs."""
    for model in work.models.values():
        if isinstance(model, Problem) and any(job.recipe is None for job in jobs):
            raise model


def refuse_without_source(work: Work, jobs: Sequence[Job], count: str) -> None:
    """Raise `Problem` if the corpus is missing here, from which these jobs are to be done.

    `count` says how many they are.
    """
    if work.source is not None and not is_readable(work.source):
        names = [job.name for job in jobs[:NAMED]] + ["…"] * (len(jobs) > NAMED)
        raise Problem(
            file=work.folder,
            found=f"{count}: {', '.join(names)}; and no corpus at {work.source} to make them from",
            expected="files made with these settings and this code, or the corpus",
            cure=f"`dvc pull {work.folder}` (with the settings and code of whoever made them), "
            "or set corpus.root to the corpus",
        )


def claim(folder: Path) -> None:
    """Make a folder that a user has named one for work: work removes files that it does not know.

    Raises `Problem` if it has no ledger yet, and holds files that somebody else has put there.
    """
    if (folder / LEDGER).is_file():
        return
    files = (path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else ()
    foreign = sorted(path.name for path in files if not path.name.startswith("."))
    if foreign:
        raise Problem(
            file=folder,
            found=f"a folder with other files, such as {shown(foreign[0])}",
            expected="a folder of its own, for files that it does not know are removed from it",
            cure="name another folder, or an empty one",
        )
    Ledger(folder).write()


def _remove_stale_files(folder: Path, entries: Iterable[str]) -> None:
    """Remove files without an entry: outputs of removed clips, outdated and incomplete ones."""
    known = {LEDGER, *entries}
    for path in folder.iterdir():
        if path.name not in known and (path.is_file() or path.name.endswith(PARTIAL)):
            _remove(path)


def _plan(
    work: Work,
    waiting: Sequence[Job],
    lacking: Mapping[str, tuple[str, ...]],
    copied: Collection[str],
) -> str:
    """A line with the numbers of jobs: in all, kept, taken over, and to make, with the reasons."""
    to_do = {job.name for job in waiting}
    done = [job for job in work.jobs if job.name not in to_do]
    taken_over = sum(any(name in copied for name in work.names(job)) for job in done)
    kept = len(work.jobs) - len(waiting) - taken_over
    line = f"{work.folder}: {len(work.jobs)} in all, {kept} kept"
    line += f", {taken_over} taken over" if taken_over else ""
    if not waiting:
        return line
    return f"{line}, {_listed(work, waiting, lacking)}"


def _listed(work: Work, waiting: Sequence[Job], lacking: Mapping[str, tuple[str, ...]]) -> str:
    """How many jobs are to be done, with the reasons."""
    reasons = Counter(
        " and ".join(next(lacking[n] for n in work.names(job) if n in lacking)) for job in waiting
    )
    counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"{len(waiting)} to make ({counts})"


class _Places(NamedTuple):
    """Where a job writes, and what its files say of themselves."""

    names: tuple[str, ...]
    """The files that it makes."""
    folder: str
    """The name of the temporary folder for several files; empty if there is one file."""
    about: About
    recipe: Recipe

    @classmethod
    def of(cls, work: Work, job: Job) -> _Places:
        folder = job.name if job.files else ""
        return cls(work.names(job), folder, work.about(job), job.recipe or work.recipe)


def _make(
    make: str | Make, common: tuple[Any, ...], job: Job, folder: Path, places: _Places
) -> list[Made] | Problem:
    """In the worker: make a job's files, put their provenance into them, and rename them.

    -> their digests, or the `Problem`.
    """
    path = folder / (places.folder or places.names[0])
    # A worker that was given up may still write: the next one that tries has another name.
    partial = partial_of(path.with_name(f"{path.name}.{secrets.token_hex(4)}"))
    try:
        if places.folder:
            partial.mkdir()
        resolved(make)(*common, *job.arguments, partial)
        parts = [partial / name for name in places.names] if places.folder else [partial]
        made = [
            provenance.stamped(part, name, places.about, places.recipe)
            for part, name in zip(parts, places.names, strict=True)
        ]
        for part, name in zip(parts, places.names, strict=True):
            part.replace(folder / name)
        return made
    except Problem as problem:
        return problem
    except Exception as error:
        name = "" if places.folder else job.name
        return (
            unwritable(error, folder)
            or without_memory(error, name, path)
            or unforeseen(error, name, path)
        )
    finally:
        _remove(partial)


def _make_within(around: str, make: str | Make, common: tuple[Any, ...], *job: Any) -> Any:
    """In a worker elsewhere: `_make`, within the context manager `around`."""
    with pkgutil.resolve_name(around)(*common):
        return _make(make, common, *job)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def without_memory(error: Exception, name: str, path: Path) -> Problem | None:
    """The problem of an error that says that a GPU's memory is full; None for any other error."""
    if type(error).__name__ != "OutOfMemoryError":  # torch's; torch may not be imported here
        return None
    return Problem(
        clip=name,
        file=path,
        found=". ".join(str(error).splitlines()[0].split(". ")[:3]),
        expected="enough memory on the device",
        cure="in this stage's section of params.yaml, lower batch or, if it has one, choose another"
        " precision; or use a device with more memory that no other program uses",
    )


def unforeseen(error: Exception, name: str, path: Path) -> Problem:
    """The problem of an error that no code foresaw."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return Problem(
        clip=name,
        file=path,
        found=f"{type(error).__name__}: {error} (at {Path(at.filename).name}:{at.lineno})",
        expected="no error; either the input is unusual, or rjcma has a bug",
        cure="check this clip's input; if it is correct, report this line",
    )


def died(name: str, folder: Path) -> Problem:
    """The problem of a job whose worker died twice."""
    return Problem(
        clip=name,
        file=folder,
        found="that its worker died, twice: killed, perhaps by the system because memory was full",
        expected="workers that finish their work",
        cure="run again (what was finished is kept) with fewer workers, RJCMA_WORKERS=1, or where"
        " there is more memory",
    )

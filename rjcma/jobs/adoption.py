"""Adoption: keep files if only the code has changed, after checking that it makes the same bytes.

A changed comment changes no key, but changed code does, even if it computes the same. Then a few
jobs (the shortest, the longest and others at random) are done again in a temporary folder. If their
files are the same bytes as before, apart from the provenance in them, all old files are kept under
the new key, and the ledger records this; if one differs, it is named and nothing is adopted.
Library versions count as code here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rjcma.jobs import shards
from rjcma.jobs import work as jobs
from rjcma.jobs.ledger import Ledger, Wanted
from rjcma.jobs.lock import locked
from rjcma.jobs.progress import say
from rjcma.jobs.work import Job, Work
from rjcma.problem import Problem, Problems

SEED = 1
"""The seed for the jobs that are chosen at random (ours)."""

_collecting = False


class _Collected(BaseException):
    """Takes the work that a stage would do out of the stage."""

    def __init__(self, work: Work) -> None:
        self.work = work


def run(work: Work, pool: Executor | None = None) -> None:
    """Do a stage's work (`rjcma.jobs.work.run`); within `work_of`, only hand the work over.

    Raises `Problem` if another process is doing work in the same folder.
    """
    if _collecting:
        raise _Collected(work)
    with locked(work.folder, shared=shards.chosen() is not None):
        jobs.run(work, pool)


def is_collecting() -> bool:
    """Whether `work_of` is running, so that a stage must not do its work."""
    return _collecting


def work_of(stage: Callable[..., Any], *arguments: Any) -> Work | None:
    """The work that a stage would do if called with these arguments; None if it has none."""
    global _collecting
    _collecting = True
    try:
        stage(*arguments)
    except _Collected as collected:
        return collected.work
    finally:
        _collecting = False
    return None


class Candidate(NamedTuple):
    """A job whose files exist, and in whose key only the code has changed."""

    work: Work
    job: Job


def adopt(works: Sequence[Work], check: int) -> None:
    """Adopt the files for which only the code has changed, if `check` jobs give the same bytes.

    The shortest job of all works, the longest, and others at random are done again. Raises
    `Problems`, one line per file that differs, and then adopts nothing.
    """
    candidates = [Candidate(work, job) for work in works for job in _candidates(work)]
    outdated = sum(map(_lacking, works)) - len(candidates)
    left = f"; `dvc repro` will make {outdated} more" if outdated else ""
    if not candidates:
        say(f"adopt: nothing to adopt: there is no file for which only the code has changed{left}")
        return
    checked = choose(candidates, check)
    say(f"adopt: making {len(checked)} of {len(candidates)} again: {', '.join(_names(checked))}")
    problems = [problem for candidate in checked for problem in _differences(candidate)]
    if problems:
        raise Problems(problems)
    for work in works:
        names = [name for c in candidates if c.work is work for name in work.names(c.job)]
        if names:
            files = {name: work.wanted[name].recipe for name in names}
            Ledger(work.folder).adopt(files, _names(checked))
    say(f"adopt: the same bytes, {len(candidates)} adopted{left}")


def choose(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """The shortest, the longest, and others at random: `count`, or all if there are fewer."""
    ordered = sorted(candidates, key=lambda candidate: (candidate.job.length, candidate.job.name))
    ends = [ordered[0], *ordered[1:][-1:]][:count]
    rest = ordered[1:-1]
    return [*ends, *random.Random(SEED).sample(rest, min(count - len(ends), len(rest)))]


def _names(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.job.name for candidate in candidates]


def _lacking(work: Work) -> int:
    """How many jobs have a file that is missing or outdated."""
    lacking: Collection[str] = Ledger(work.folder).lacks(work.wanted)
    return sum(any(name in lacking for name in work.names(job)) for job in work.jobs)


def _candidates(work: Work) -> list[Job]:
    ledger = Ledger(work.folder)
    return [job for job in work.jobs if all(_adoptable(work, n, ledger) for n in work.names(job))]


def _adoptable(work: Work, name: str, ledger: Ledger) -> bool:
    """Whether a file exists and only the code in its key differs from the wanted key."""
    entry = ledger.entries.get(name)
    before = ledger.recipes.get(entry.recipe) if entry else None
    if entry is None or before is None:
        return False
    recipe, inputs = work.wanted[name]
    return (
        bool(recipe.changes(before))
        and recipe.adoptable(before)
        and entry.inputs == inputs
        and not ledger.lacks({name: Wanted(before, inputs)})
    )


def _differences(candidate: Candidate) -> list[Problem]:
    """Do a job again in a temporary folder; -> a problem for each file that has other bytes."""
    work, job = candidate
    jobs.refuse_without_models(work, [job])
    jobs.refuse_without_source(work, [job], "1 to make again")
    ledger = Ledger(work.folder)
    with TemporaryDirectory(prefix=".adopt-", dir=work.folder.parent) as folder:
        again = Ledger(Path(folder))
        problems = [problem for _, problem in jobs.do(work, [job], again) if problem]
        if problems:
            return problems
        return [
            Problem(
                clip=job.name,
                file=work.folder / name,
                found="other bytes when it was made again",
                expected="the same bytes, since only the code has changed",
                cure="run `dvc repro`, which makes all outdated files (nothing was adopted)",
            )
            for name in work.names(job)
            if again.entries[name].of_content != ledger.entries[name].of_content
        ]

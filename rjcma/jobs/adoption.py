"""Files kept when nothing but the code has changed, after some were made anew and were the same.

A better comment changes no key, but other code that does the same does. Then a few clips, the
shortest, the longest and others drawn at random, are made anew beside the old ones. If all are the
same bytes, the other files stand under the new key too, and the ledger says so; if one differs, it
is named and nothing is adopted. The versions of libraries count as code here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rjcma.jobs import work as jobs
from rjcma.jobs.ledger import Ledger, Wanted
from rjcma.jobs.progress import say
from rjcma.jobs.work import Job, Work
from rjcma.problem import Problem, Problems

SEED = 1
"""Of the clips drawn at random (ours)."""

_collecting = False


class _Collected(BaseException):
    """The work that a stage would do."""

    def __init__(self, work: Work) -> None:
        self.work = work


def run(work: Work, pool: Executor | None = None) -> None:
    """Do a stage's work (`rjcma.jobs.work.run`); or, within `work_of`, tell what it is."""
    if _collecting:
        raise _Collected(work)
    jobs.run(work, pool)


def is_collecting() -> bool:
    """Whether a stage is only asked for its work."""
    return _collecting


def work_of(stage: Callable[..., Any], *arguments: Any) -> Work | None:
    """The work that a stage would do, called with these arguments; None for one without such."""
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
    """A job whose files are there and whose code alone has changed."""

    work: Work
    job: Job


def adopt(works: Sequence[Work], check: int) -> None:
    """Let files whose code alone has changed stand, if `check` jobs come out as the same bytes.

    Of all these works together, the shortest job, the longest, and others at random are made anew.
    Raises `Problems`, a line a job that came out otherwise, and adopts nothing then.
    """
    found = [Candidate(work, job) for work in works for job in _candidates(work)]
    others = sum(map(_lacking, works)) - len(found)
    left = f"; {others} more are for `dvc repro` to make" if others else ""
    if not found:
        say(f"adopt: nothing to adopt, no file differs in its code alone{left}")
        return
    checked = chosen(found, check)
    say(f"adopt: making {len(checked)} of {len(found)} anew: {', '.join(_names(checked))}")
    problems = [problem for one in checked for problem in _differences(one)]
    if problems:
        raise Problems(problems)
    for work in works:
        names = [name for one in found if one.work is work for name in work.names(one.job)]
        if names:
            files = {name: work.wanted[name].recipe for name in names}
            Ledger(work.folder).adopt(files, _names(checked))
    say(f"adopt: the same bytes, {len(found)} adopted{left}")


def chosen(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """The shortest, the longest, and others at random, `count` in all or as many as there are."""
    ordered = sorted(candidates, key=lambda one: (one.job.length, one.job.name))
    ends = [ordered[0], *ordered[1:][-1:]][:count]
    rest = ordered[1:-1]
    return [*ends, *random.Random(SEED).sample(rest, min(count - len(ends), len(rest)))]


def _names(candidates: Sequence[Candidate]) -> list[str]:
    return [one.job.name for one in candidates]


def _lacking(work: Work) -> int:
    """How many jobs have a file that does not stand."""
    lacking: Collection[str] = Ledger(work.folder).lacks(work.wanted)
    return sum(any(name in lacking for name in work.names(job)) for job in work.jobs)


def _candidates(work: Work) -> list[Job]:
    ledger = Ledger(work.folder)
    return [job for job in work.jobs if all(_adoptable(work, n, ledger) for n in work.names(job))]


def _adoptable(work: Work, name: str, ledger: Ledger) -> bool:
    """Whether a file is there, and differs from what is wanted in the code alone."""
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


def _differences(one: Candidate) -> list[Problem]:
    """Make a job anew in a folder of its own; a problem a file that is other bytes."""
    work, job = one
    jobs.refuse_without_models(work)
    ledger = Ledger(work.folder)
    with TemporaryDirectory(prefix=".adopt-", dir=work.folder.parent) as folder:
        anew = Ledger(Path(folder))
        problems = [problem for _, problem in jobs.made(work, [job], anew) if problem]
        if problems:
            return problems
        return [
            Problem(
                clip=job.name,
                file=work.folder / name,
                found="other bytes when it was made anew",
                expected="the same, where the code alone has changed",
                cure="nothing was adopted: run `dvc repro`, which makes anew what the code shapes",
            )
            for name in work.names(job)
            if anew.entries[name].digest != ledger.entries[name].digest
        ]

"""Do the stages' own work in a working folder, to which videos come now and then.

A video that fails is left out from then on; the others are done, and at the end it has its line.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from rjcma.jobs import adoption
from rjcma.jobs.files import unwritable
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.work import Work, claim
from rjcma.manifest import Clip
from rjcma.problem import Problem, Problems

WITHOUT_CLIP = re.compile(r",? or name \S+ \S+ in corpus\.exclude to go on without \w+")
"""What is said of clips of a corpus, and does not hold of one's own videos."""


class Failures:
    """The videos and clips that failed so far, and why."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._names: set[str] = set()

    def note(self, problems: Sequence[Problem], names: Collection[str]) -> None:
        """Note the problems of jobs with these names.

        Raises `Problems` if one of them is of no single job: the others would fail as well.
        """
        self.problems += map(of_a_video, problems)
        if any(problem.clip not in names for problem in problems):
            raise Problems(self.problems)
        self._names |= {problem.clip for problem in problems}

    def without(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips that have not failed. Raises the `Problems` if there is none."""
        left = [clip for clip in clips if not {clip.name, clip.video} & self._names]
        if not left:
            raise Problems(self.problems)
        return left

    def check(self) -> None:
        """Raise the `Problems` if there are any."""
        if self.problems:
            raise Problems(self.problems)


def do(
    failures: Failures,
    stage: Callable[..., Any],
    *arguments: Any,
    only: Collection[str] = (),
    make: str = "",
    around: str | None = None,
) -> None:
    """Do the work of a stage, of jobs with these names if there are any; other files stay.

    `make` is a function in place of the stage's, which does the same and shows progress; `around`
    is entered in place of what the stage's work is done within.
    """
    work = adoption.work_of(stage, *arguments)
    assert work is not None
    jobs = [job for job in work.jobs if not only or job.name in only]
    run(
        failures,
        dataclasses.replace(
            work,
            jobs=jobs,
            make=make or work.make,
            around=work.around if around is None else around,
        ),
    )


def run(failures: Failures, work: Work) -> None:
    """Do what is lacking of a work, and say nothing if nothing is; other files stay.

    A single job is done in this process, which has its libraries already. Raises `Problem` for a
    folder of other files, and for a full disk.
    """
    alone = len(work.jobs) == 1 and work.workers == "processes"
    here = dataclasses.replace(
        work,
        workers="threads" if alone else work.workers,
        keeps_others=True,
        quiet=not Ledger(work.folder).lacks(work.wanted),
    )
    try:
        claim(work.folder)
        adoption.run(here)
    except Problems as several:
        failures.note(several.problems, {job.name for job in work.jobs})
    except Problem as problem:
        raise of_a_video(problem) from None
    except OSError as error:
        if refused := unwritable(error, work.folder):
            raise refused from None
        raise


def of_a_video(problem: Problem) -> Problem:
    """The same problem, its cure without what holds of a corpus's clips and stages only."""
    cure = WITHOUT_CLIP.sub("", problem.cure).replace("run `dvc repro`", "predict again")
    return Problem(
        found=problem.found,
        expected=problem.expected,
        cure=cure,
        clip=problem.clip,
        file=problem.file,
    )

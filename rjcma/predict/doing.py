"""Do the stages' own work in a working folder, to which videos come now and then."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from rjcma.jobs import adoption
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.work import Work


def do(
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
        dataclasses.replace(
            work,
            jobs=jobs,
            make=make or work.make,
            around=work.around if around is None else around,
        )
    )


def run(work: Work) -> None:
    """Do what is lacking of a work, and say nothing if nothing is; other files stay.

    A single job is done in this process, which has its libraries already.
    """
    alone = len(work.jobs) == 1 and work.workers == "processes"
    here = dataclasses.replace(
        work,
        workers="threads" if alone else work.workers,
        keeps_others=True,
        quiet=not Ledger(work.folder).lacks(work.wanted),
    )
    adoption.run(here)

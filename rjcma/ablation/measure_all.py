"""The results of all trials of an ablation; each is trained once, in parallel, and kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple

from rjcma.ablation.result import Result, read
from rjcma.ablation.trials import Trial
from rjcma.jobs import adoption
from rjcma.jobs.digests import digest_value
from rjcma.jobs.recipe import Recipe, modules_of
from rjcma.jobs.work import Job, Work
from rjcma.training.request import Data
from rjcma.training.runs import Digests, needs, work

MEASURE = "rjcma.ablation.measure:measure"


class Places(NamedTuple):
    """Where the trials' runs are kept, on this machine."""

    trained: Path
    """A folder with one folder per run, named by the run's id."""
    checkpoints: Path
    """The folder of checkpoints, from which killed runs are resumed."""
    pipeline: Path
    """The folder of the pipeline's runs; one with the same settings and seed is taken over."""


def measure_all(
    trials: Sequence[Trial],
    data: Data,
    places: Places,
    folder: Path,
    executor: Executor | None = None,
) -> dict[str, Result]:
    """Train the trials that have not been trained, and keep each one's result in `folder`, as JSON.

    -> results by the trials' names. A trial that fails does not stop the others. If the process is
    killed, finished trials are kept, and the others are resumed from their checkpoints next time.
    Raises `Problems` that name row, target, fold and seed.
    """
    digests = Digests.of(data)
    jobs = [_job(trial, data, digests, places) for trial in trials]
    work = Work(
        MEASURE, jobs, folder, ".json", stage="ablate", needs=needs(trials[0].run), unit="run"
    )
    adoption.run(work, executor)
    return results(folder, trials)


def results(folder: Path, trials: Iterable[Trial]) -> dict[str, Result]:
    """The results of these trials, by name. Raises `Problem` for a file that is damaged."""
    return {trial.name: read(folder / f"{trial.name}.json") for trial in trials}


def _job(trial: Trial, data: Data, digests: Digests, places: Places) -> Job:
    """A trial as a job: it is trained and scored, so the code of both is in the key."""
    run = work(trial.run, data, digests, places.trained / trial.name)
    modules = modules_of(MEASURE, run.make, *run.implementations)
    return Job(
        trial.name,
        (trial, data, digests, places),
        {"settings": digest_value(run.recipe.settings), **digests.inputs(trial.run)},
        recipe=Recipe.of(modules, {}, run.models),
    )

"""What every trial of an ablation reached: each trained once, side by side, and remembered."""

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
from rjcma.training.runs import Digests, work

MEASURE = "rjcma.ablation.measure:measure"


class Places(NamedTuple):
    """Where the trials' runs are kept, on this machine."""

    trained: Path
    """A folder of runs, each in one of its own that is called by the run's id."""
    checkpoints: Path
    """Where killed runs go on from."""
    pipeline: Path
    """The pipeline's runs, which are taken over where settings and seed agree."""


def measure_all(
    wanted: Sequence[Trial],
    data: Data,
    places: Places,
    folder: Path,
    executor: Executor | None = None,
) -> dict[str, Result]:
    """Train what has not been trained, and keep a JSON file of what each trial reached in `folder`.

    -> results by the trials' names. A trial that fails does not stop the others. Killed, only those
    in flight are not done, and these go on from their checkpoints. Raises `Problems`, naming row,
    seed, target and fold.
    """
    digests = Digests.of(data)
    jobs = [_job(trial, data, digests, places) for trial in wanted]
    asked = Work(MEASURE, jobs, folder, ".json", unit="run")
    adoption.run(asked, executor)
    return results(folder, wanted)


def results(folder: Path, wanted: Iterable[Trial]) -> dict[str, Result]:
    """What is kept of these trials, by their names. Raises `Problem` for a file that is spoilt."""
    return {one.name: read(folder / f"{one.name}.json") for one in wanted}


def _job(trial: Trial, data: Data, digests: Digests, places: Places) -> Job:
    """Measuring is training and scoring: the code of both is in the key."""
    run = work(trial.run, data, digests, places.trained / trial.name)
    modules = modules_of(MEASURE, run.make, *run.implementations)
    return Job(
        trial.name,
        (trial, data, digests, places),
        (digest_value(run.recipe.settings), *digests.inputs(trial.run)),
        recipe=Recipe.of(modules, {}, run.models),
    )

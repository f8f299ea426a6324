"""The nodes of a Slurm cluster, by submitit: each job of ours is one of an array of Slurm's jobs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import submitit
from ruamel.yaml import YAML, YAMLError
from submitit.core.utils import FailedJobError

from rjcma.jobs.remote import Session, answer
from rjcma.jobs.workers import cores_each
from rjcma.problem import Problem

OPTIONS = Path(".rjcma/slurm.yaml")
LOGS = Path(".rjcma/slurm")
EVERY = 1.0
"""Seconds between looks at the jobs (ours)."""
GRACE = 15.0
"""Seconds for which a network drive may hide the result of a job that has ended (submitit's)."""
TIMEOUTS = 20
"""How often a job may be queued again after its time limit (ours)."""
CLUSTER = "cluster"
DEFAULTS = {CLUSTER: "slurm", "name": "rjcma", "timeout_min": 24 * 60, "cpus_per_task": 1}
"""Options that the user need not set (ours). All are submitit's; its other clusters, local and
debug, try things out without Slurm."""


@contextmanager
def cluster(where: str) -> Iterator[Callable[[Session, bytes], Future[Any]]]:
    """A function that has a job of a session done. `where` is a file of options, or empty.

    Raises `Problem` for wrong options, and if there is no Slurm here.
    """
    submitted = Submitted(_executor(Path(where) if where else OPTIONS, required=bool(where)))
    try:
        yield submitted.submit
    finally:
        submitted.end()


class Resumable:
    """A job that Slurm may stop at its time limit and queue again; a run resumes after its epoch."""

    def __call__(self, session: Session, job: bytes) -> Any:
        """Do the job."""
        return answer(session, job)

    def checkpoint(self, session: Session, job: bytes) -> submitit.helpers.DelayedSubmission:
        """What submitit queues again."""
        return submitit.helpers.DelayedSubmission(self, session, job)


class Submitted:
    """Jobs that wait in Slurm's queue or run; a thread hands them over and looks when they end."""

    def __init__(self, executor: submitit.Executor) -> None:
        self._executor = executor
        self._new: queue.SimpleQueue[tuple[Future[Any], Session, bytes]] = queue.SimpleQueue()
        self._jobs: dict[Future[Any], submitit.Job[Any]] = {}
        self._ended: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def submit(self, session: Session, job: bytes) -> Future[Any]:
        """Queue a job. The future's exception is a `BrokenExecutor` if its node or process died."""
        future: Future[Any] = Future()
        self._new.put((future, session, job))
        return future

    def end(self) -> None:
        """Cancel what has not ended."""
        self._over.set()
        self._thread.join()
        for job in self._jobs.values():
            job.cancel(check=False)

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            self._hand_over()
            for future, job in list(self._jobs.items()):
                if future.cancelled():
                    job.cancel(check=False)
                elif self._has_ended(job):
                    _end(future, job)
                if future.done():
                    del self._jobs[future]

    def _has_ended(self, job: submitit.Job[Any]) -> bool:
        """Whether a job's result is there, or will not come any more."""
        if not job.done():
            return False
        ended = self._ended.setdefault(job.job_id, time.monotonic())
        return job.paths.result_pickle.exists() or time.monotonic() - ended > GRACE

    def _hand_over(self) -> None:
        """Hand all new jobs over together, as one array."""
        new = [self._new.get() for _ in range(self._new.qsize())]
        if not new:
            return
        try:
            with cores_each(new[0][1].needs.cores), self._executor.batch():
                jobs = [self._executor.submit(Resumable(), *job) for _, *job in new]
        except Exception as error:  # of whatever kind: a future must end in any case
            problem = _problem(str(error), "options that this cluster accepts")
            for future, *_ in new:
                _end(future, problem)
        else:
            self._jobs.update(zip((future for future, *_ in new), jobs, strict=True))


def _executor(path: Path, *, required: bool) -> submitit.AutoExecutor:
    options = {**DEFAULTS, **_options(path, required=required)}
    try:
        cluster = str(options.pop(CLUSTER))
        executor = submitit.AutoExecutor(LOGS, cluster, slurm_max_num_timeout=TIMEOUTS)
        executor.update_parameters(**options)
    except Exception as error:  # submitit raises all kinds
        raise _problem(str(error), "a machine with Slurm, and submitit's options", path) from None
    return executor


def _options(path: Path, *, required: bool) -> Mapping[str, Any]:
    if not required and not path.is_file():
        return {}
    try:
        options = YAML(typ="safe", pure=True).load(path)
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise _problem(str(error), "a YAML file of submitit's options", path) from None
    if not isinstance(options, Mapping):
        raise _problem(f"a {type(options).__name__}", "submitit's options, a line each", path)
    return options


def _end(future: Future[Any], outcome: submitit.Job[Any] | Problem) -> None:
    """Give a future its result, unless it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Problem):
        future.set_exception(outcome)
    elif not outcome.paths.result_pickle.exists():
        future.set_exception(BrokenExecutor(f"{outcome.job_id} has ended without a result"))
    else:
        try:
            future.set_result(outcome.result())
        except FailedJobError as error:
            lines = [line for line in str(error).splitlines() if "Error" in line]
            found = f"a job that could not begin: {lines[-1] if lines else error}"
            expected = "workers with the packages of this folder's .venv"
            future.set_exception(_problem(found, expected))


def _problem(found: str, expected: str, file: object = "RJCMA_EXECUTOR=slurm") -> Problem:
    cure = f"correct {OPTIONS} (README: on a cluster), or unset RJCMA_EXECUTOR to use this machine"
    return Problem(file=file, found=found, expected=expected, cure=cure)

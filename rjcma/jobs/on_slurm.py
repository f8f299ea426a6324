"""The nodes of a Slurm cluster, by submitit: jobs that come together are an array of Slurm's."""

from __future__ import annotations

import math
import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager, suppress
from getpass import getuser
from pathlib import Path
from typing import Any

import submitit
from ruamel.yaml import YAML, YAMLError
from submitit.core.utils import FailedJobError
from submitit.slurm.slurm import SlurmJob

from rjcma.jobs.remote import Cluster, Session, answer
from rjcma.jobs.workers import cores_each
from rjcma.problem import Problem

OPTIONS = Path(".rjcma/slurm.yaml")
LOGS = Path(".rjcma/slurm")
EVERY = 1.0
"""Seconds between looks at the jobs (ours)."""
LIST_EVERY = 10.0
"""Seconds between looks at Slurm's queue (ours)."""
GRACE = 30.0
"""Seconds after which a job that left the queue will have no result any more (ours)."""
TIMEOUTS = 20
"""How often a job may be queued again after its time limit (ours)."""
CLUSTER = "cluster"
DEFAULTS = {CLUSTER: "slurm", "name": "rjcma", "timeout_min": 24 * 60, "cpus_per_task": 1}
"""Options that the user need not set (ours). All are submitit's; its other clusters, local and
debug, try things out without Slurm."""


@contextmanager
def cluster(where: str) -> Iterator[Cluster]:
    """The nodes of this machine's cluster; `where` is a file of options, or empty.

    Raises `Problem` for wrong options, and if there is no Slurm here.
    """
    submitted = Submitted(_executor(Path(where) if where else OPTIONS, required=bool(where)))
    try:
        yield Cluster(submitted.submit, (BrokenExecutor,))
    finally:
        submitted.end()


class Resumable:
    """A job that Slurm may stop at its time limit and queue again; a run then resumes."""

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
        self._queue, self._gone = Queue(), dict[str, float]()
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
            with suppress(OSError):  # a network drive that is away for a while
                self._look_once()

    def _look_once(self) -> None:
        # A folder is listed as it is; a single file may be hidden by a network drive's cache.
        written = {path.name for path in LOGS.iterdir()} if self._jobs else set()
        for future, job in list(self._jobs.items()):
            if job.paths.result_pickle.name in written:
                _end(future, job)
            elif self._is_lost(job):
                _end(future, BrokenExecutor(f"{job.job_id} has ended without a result"))
            if future.done():
                del self._jobs[future]

    def _is_lost(self, job: submitit.Job[Any]) -> bool:
        """Whether a job without a result has left the queue for so long that it has none."""
        if self._queue.has(job):
            self._gone.pop(job.job_id, None)
            return False
        return time.monotonic() - self._gone.setdefault(job.job_id, time.monotonic()) > GRACE

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


class Queue:
    """The jobs that wait or run, as Slurm lists them.

    submitit asks Slurm's accounting instead, which is not there on every cluster.
    """

    def __init__(self) -> None:
        self._listed: set[str] | None = None
        self._asked = -math.inf

    def has(self, job: submitit.Job[Any]) -> bool:
        """Whether a job waits or runs; or may do so, while Slurm does not answer."""
        if not isinstance(job, SlurmJob):
            return not job.done()
        if time.monotonic() - self._asked > LIST_EVERY:
            self._listed, self._asked = self._list(), time.monotonic()
        return self._listed is None or job.job_id in self._listed

    def _list(self) -> set[str] | None:
        command = ["squeue", "--noheader", "--array", "--format=%i", f"--user={getuser()}"]
        listed = subprocess.run(command, capture_output=True, text=True)
        return None if listed.returncode else set(listed.stdout.split())


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


def _end(future: Future[Any], outcome: submitit.Job[Any] | Exception) -> None:
    """Give a future its result."""
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
        return
    try:
        future.set_result(outcome.result())
    except FailedJobError as error:
        lines = [line for line in str(error).splitlines() if "Error" in line]
        future.set_exception(RuntimeError(lines[-1] if lines else error))
    except Exception as error:  # a result that cannot be read
        future.set_exception(error)
    else:
        outcome.paths.submitted_pickle.unlink(missing_ok=True)
        outcome.paths.result_pickle.unlink(missing_ok=True)


def _problem(found: str, expected: str, file: object = "RJCMA_EXECUTOR=slurm") -> Problem:
    cure = f"correct {OPTIONS} (docs/cluster.md), or unset RJCMA_EXECUTOR to use this machine"
    return Problem(file=file, found=found, expected=expected, cure=cure)

"""Where jobs are done: by this machine, or by the workers of Dask or Slurm.

The environment variable RJCMA_EXECUTOR chooses:

    unset               this machine's processes and threads (`rjcma.jobs.workers`)
    dask://HOST:PORT    a Dask scheduler; or any of Dask's addresses, as in dask:tls://HOST:PORT
    dask:FILE           the same, by its scheduler file
    slurm               Slurm, by submitit; with the options in .rjcma/slurm.yaml if there are any
    slurm:FILE          the same, with the options in another file

It is in no key and changes no result. Workers elsewhere must see the clone's folder at the same
path (`rjcma.jobs.remote`).
"""

from __future__ import annotations

import os
import pickle
import pkgutil
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import AbstractContextManager, contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

from rjcma.jobs.remote import Cluster, Session, session
from rjcma.jobs.workers import DEFAULT, Needs, Workers, executor
from rjcma.problem import Problem

VARIABLE = "RJCMA_EXECUTOR"
CLUSTERS = {"dask": "rjcma.jobs.on_dask:cluster", "slurm": "rjcma.jobs.on_slurm:cluster"}
"""The context managers that open a `Cluster`, by the variable's first word; they are called with
the rest of it."""

TRIES = 2
"""How often a job is tried if its worker dies."""

K = TypeVar("K")
Call = tuple[Any, ...]
"""A function and its arguments."""


class Died:
    """The outcome of a job whose worker died, and the next worker too."""


def opened(
    name: str, workers: Workers, jobs: int, needs: Needs = DEFAULT
) -> AbstractContextManager[Executor]:
    """The executor that the user has chosen, for so many jobs of the work of this name.

    Raises `Problem` if RJCMA_EXECUTOR is wrong, or if there is no such scheduler.
    """
    return _elsewhere(name, needs) if is_elsewhere(workers) else executor(workers, jobs, needs)


def is_elsewhere(workers: Workers) -> bool:
    """Whether jobs that are done by such workers on this machine are sent to a scheduler instead.

    Jobs that take moments are not, nor those of a process that `accelerate launch` has started.
    """
    return bool(os.environ.get(VARIABLE)) and workers != "one" and "RANK" not in os.environ


def outcomes(pool: Executor, calls: Mapping[K, Call]) -> Generator[tuple[K, Any], None, None]:
    """Call functions in a pool -> each key when its call has ended, with the result or a `Died`.

    A call whose worker dies is tried once more, after the calls that are waiting. Raises `Problem`
    if the scheduler is lost or a worker refuses to work; calls that are waiting are cancelled then.
    """
    ended: SimpleQueue[Future[Any]] = SimpleQueue()
    running: dict[Future[Any], K] = {}
    tries = dict.fromkeys(calls, 0)

    def start(key: K) -> None:
        tries[key] += 1
        try:
            future = pool.submit(*calls[key])
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        running[future] = key
        future.add_done_callback(ended.put)

    try:
        for key in calls:
            start(key)
        while running:
            future = ended.get()
            key = running.pop(future)
            if not isinstance(future.exception(), BrokenExecutor):
                yield key, future.result()
            elif tries[key] < TRIES:
                start(key)
            else:
                yield key, Died()
    finally:
        for future in running:
            future.cancel()


@contextmanager
def _elsewhere(name: str, needs: Needs) -> Iterator[Executor]:
    chosen = os.environ[VARIABLE]
    kind, _, where = chosen.partition(":")
    if kind not in CLUSTERS or (kind == "dask" and not where):
        raise Problem(
            file=VARIABLE,
            found=repr(chosen),
            expected="dask://HOST:PORT, dask:SCHEDULER_FILE, slurm, or slurm:OPTIONS_FILE",
            cure="correct it, or unset it to use this machine",
        )
    try:
        cluster_of = pkgutil.resolve_name(CLUSTERS[kind])
    except ModuleNotFoundError as error:
        raise Problem(
            file=f"{VARIABLE}={chosen}",
            found=f"no library {error.name}",
            expected=f"the libraries of the extra {kind}, which this executor needs",
            cure=f"run `make setup`, which installs them, or unset {VARIABLE}",
        ) from None
    with session(name, needs) as begun, cluster_of(where) as cluster:
        yield Elsewhere(begun, cluster)


class Elsewhere(Executor):
    """The workers of a cluster, which work for a session (`rjcma.jobs.remote`)."""

    def __init__(self, begun: Session, cluster: Cluster) -> None:
        self._session, self._cluster = begun, cluster

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a job done.

        The future's exception is a `BrokenExecutor` if the worker died, and a `Problem` if a worker
        refuses to work or the scheduler is lost.
        """
        outcome: Future[Any] = Future()
        answer = self._cluster.submit(self._session, pickle.dumps((fn, args, kwargs)))
        answer.add_done_callback(lambda answer: self._pass_on(answer, outcome))
        return outcome  # if it is cancelled, the answer is when the cluster is left

    def _pass_on(self, answer: Future[Any], outcome: Future[Any]) -> None:
        """Give `outcome` what a worker answered, unless it was cancelled."""
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            result, refusal = answer.result()
        except self._cluster.deaths as error:
            outcome.set_exception(BrokenExecutor(type(error).__name__))
        except Problem as problem:
            outcome.set_exception(problem)
        except CancelledError:
            found = "no scheduler any more: it ended, or the network to it failed"
            cure = "start it again, then run again: what was finished is kept"
            outcome.set_exception(_problem(found, cure))
        except Exception as error:
            found = f"{type(error).__name__} in a worker, before its job: {error}"
            cure = "start the workers from the .venv of this folder; look at what they print"
            outcome.set_exception(_problem(found, cure))
        else:
            outcome.set_exception(refusal) if refusal else outcome.set_result(result)


def _problem(found: str, cure: str) -> Problem:
    return Problem(
        file=f"{VARIABLE}={os.environ.get(VARIABLE)}",
        found=found,
        expected="a scheduler and workers that run until the work is done",
        cure=cure,
    )

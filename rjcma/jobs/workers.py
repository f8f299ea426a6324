"""The workers: as many processes or threads as the machine, or the user, allows."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal

from rjcma.problem import Problem

Workers = Literal["processes", "threads", "one", "here"]
"""How a function is run: in processes; in threads (they share a large model that releases Python's
lock); in one thread (the function uses all cores by itself); or in the calling thread (the function
needs the main thread)."""


def worker_count() -> int:
    """RJCMA_WORKERS, else the number of cores that this process may use."""
    count = int_from_env("RJCMA_WORKERS", least=1, otherwise="use every core")
    return core_count() if count is None else count


def core_count() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def int_from_env(variable: str, *, least: int, otherwise: str) -> int | None:
    """The whole number in an environment variable; None if it is unset.

    Raises `Problem` for anything but a whole number of at least `least`; `otherwise` says, for the
    message, what unsetting the variable does.
    """
    value = os.environ.get(variable, "")
    if not value:
        return None
    if not value.isdecimal() or int(value) < least:
        raise Problem(
            file=variable,
            found=repr(value),
            expected=f"a whole number of at least {least}",
            cure=f"set it to such a number, or unset it to {otherwise}",
        )
    return int(value)


@contextmanager
def executor(workers: Workers, jobs: int) -> Iterator[Executor]:
    """An executor for this number of jobs; it ends with the context."""
    count = max(1, min(worker_count(), jobs))
    if workers == "here":
        yield Here()
    elif workers == "processes":
        spawn = multiprocessing.get_context("spawn")
        with one_core_each(), ProcessPoolExecutor(count, spawn) as processes:
            yield processes
    else:
        with ThreadPoolExecutor(1 if workers == "one" else count) as threads:
            yield threads


class Here(Executor):
    """An executor that does each job at once, in the calling thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do the job. -> a future that is already done."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def one_core_each() -> Iterator[None]:
    """Let the numeric libraries of all processes that are started meanwhile use one core each.

    A worker could not set this itself in time: a spawned process first imports the program that
    started it, and these libraries with it.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

"""Who does the work: as many processes or threads as the machine, or the user, allows."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal

from rjcma.problem import Problem

Workers = Literal["processes", "threads", "one", "here"]
"""What suits a function: processes; threads (a large model is shared and releases Python's lock);
one thread (it uses all cores by itself); or the thread that asks (it needs the main one)."""


def worker_count() -> int:
    """RJCMA_WORKERS, else the number of cores that this process may use."""
    asked = int_from_env("RJCMA_WORKERS", least=1, otherwise="use every core")
    return core_count() if asked is None else asked


def core_count() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def int_from_env(variable: str, *, least: int, otherwise: str) -> int | None:
    """The whole number that an environment variable asks for; None where it is unset.

    Raises `Problem` for anything but a whole number of at least `least`; `otherwise` says what
    unsetting the variable does.
    """
    asked = os.environ.get(variable, "")
    if not asked:
        return None
    if not asked.isdecimal() or int(asked) < least:
        raise Problem(
            file=variable,
            found=repr(asked),
            expected=f"a whole number of at least {least}",
            cure=f"set it to such a number, or unset it to {otherwise}",
        )
    return int(asked)


@contextmanager
def executor(workers: Workers, jobs: int) -> Iterator[Executor]:
    """An executor for so many jobs, which ends with the context."""
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
    """Does each job when it is handed in, in the thread that hands it in."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The future of a job that is done."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def one_core_each() -> Iterator[None]:
    """Processes started meanwhile share the cores: their numeric libraries take one core each.

    Set here and not by the workers themselves, which load these libraries before they could: a
    spawned process first imports the program that started it.
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

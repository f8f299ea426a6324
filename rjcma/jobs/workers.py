"""The workers of this machine: as many processes or threads as it, or the user, allows."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rjcma.problem import Problem

Workers = Literal["processes", "threads", "one", "here"]
"""How a function is run: in processes; in threads (they share a large model that releases Python's
lock); in one thread (a job takes moments only); or in the calling thread (the function needs the
main thread)."""


GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""One of these is there if there is a GPU: NVIDIA's, AMD's, and Windows' for Linux within it."""


class Needs(NamedTuple):
    """What one worker needs, roughly: no more workers are started than the machine has room for."""

    memory: int = 2**29
    """Bytes. Python, torch and the libraries that read media take up to 0.3 GiB (measured)."""
    cores: int | None = 1
    """None: all."""
    device: str = "cpu"
    """Where it computes. With auto or cuda, each worker gets a GPU of its own, if there are any. A
    GPU with a number, as in cuda:1, has a single worker."""


DEFAULT = Needs()

ANY_GPU = ("auto", "cuda")
"""Devices that are any GPU, if there is one."""


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


def gpus() -> Sequence[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if sys.platform == "linux" and not any(Path(device).exists() for device in GPU_DRIVERS):
        return []  # without loading torch, which takes seconds
    count: int = pkgutil.resolve_name("torch.cuda:device_count")()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",")[:count] if named else [str(number) for number in range(count)]


def room(needs: Needs) -> int:
    """How many workers with these needs the machine has room for now, at least one.

    RJCMA_WORKERS, if it is set; else one a GPU, or as many as cores and available memory allow.
    """
    if os.environ.get("RJCMA_WORKERS"):
        return worker_count()
    if needs.device.partition(":")[0] != "cpu" and (found := gpus()):
        return len(found) if needs.device in ANY_GPU else 1
    by_memory: int = pkgutil.resolve_name("psutil:virtual_memory")().available // needs.memory
    return max(1, min(core_count() // (needs.cores or core_count()), by_memory))


@contextmanager
def executor(workers: Workers, jobs: int, needs: Needs = DEFAULT) -> Iterator[Executor]:
    """An executor of this machine for this number of jobs; it ends with the context."""
    if workers == "here":
        yield Here()
    elif workers == "processes":
        with cores_each(needs.cores), Processes(min(room(needs), max(jobs, 1)), needs) as processes:
            yield processes
    else:
        count = 1 if workers == "one" else min(room(needs), max(jobs, 1))
        with ThreadPoolExecutor(count) as threads:
            yield threads


class Processes(Executor):
    """Worker processes, one job at a time in each, so that one that dies fails its own job only.

    The job's future then has a `BrokenProcessPool` as its exception, and another process takes the
    dead one's place. All processes end when this process ends, however it ends.
    """

    def __init__(self, count: int, needs: Needs = DEFAULT) -> None:
        self._gpus = gpus() if needs.device in ANY_GPU else []
        self._numbers, self._own = itertools.count(), threading.local()
        self._pools: list[ProcessPoolExecutor] = []
        self._threads = ThreadPoolExecutor(count, initializer=self._begin)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do a job in the next process that is free."""
        return self._threads.submit(self._do, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, after their current jobs."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        for pool in self._pools:
            pool.shutdown(wait)

    def _begin(self) -> None:
        """In a new thread: give it a number; it has one process, and one GPU."""
        number = next(self._numbers)
        self._own.gpu = self._gpus[number % len(self._gpus)] if self._gpus else None
        self._start()

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._own.pool = ProcessPoolExecutor(1, spawn, _begin_process, (self._own.gpu,))
        self._pools.append(self._own.pool)

    def _do(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return self._own.pool.submit(fn, *args, **kwargs).result()
        except BrokenProcessPool:
            self._start()
            raise


def _begin_process(gpu: str | None) -> None:
    """In a new process: choose its GPU, leave work within a job to this process, and watch."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    work_here()
    end_with_parent()


def work_here() -> None:
    """Work within a job, such as a run within a trial, is neither divided nor sent elsewhere."""
    for variable in ("RJCMA_EXECUTOR", "RJCMA_SHARD"):
        os.environ.pop(variable, None)


def end_with_parent() -> None:
    """Make this process end when the one that started it does, however that one ends.

    If a program is killed, it must not leave workers behind, which still read or write.
    """
    threading.Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class Here(Executor):
    """An executor that does each job at once, in the calling thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do the job. -> a future that is already done."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


CORES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def limit_cores(count: int | None) -> None:
    """Let the numeric libraries of processes that are started from now on use so many cores each.

    None: as many as they choose. A worker could not set this itself in time: a spawned process
    first imports the program that started it, and these libraries with it.
    """
    for variable in CORES:
        os.environ.pop(variable, None)
        if count is not None:
            os.environ[variable] = str(count)


@contextmanager
def cores_each(count: int | None) -> Iterator[None]:
    """`limit_cores` for processes that are started meanwhile."""
    before = {variable: os.environ.get(variable) for variable in CORES}
    limit_cores(count)
    try:
        yield
    finally:
        for variable, value in before.items():
            os.environ.pop(variable, None)
            if value is not None:
                os.environ[variable] = value

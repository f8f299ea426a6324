"""Reads batches in advance and copies them to the device, so that training steps do not wait.

On a GPU, worker processes read the files while the network computes. On the CPU, workers would only
take cores from the network, so the training process reads the files itself. A worker receives the
clips once, when it starts, and after that only windows; it opens a file when it first reads it. The
batches do not depend on the number of workers.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from threading import current_thread, main_thread
from types import TracebackType
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from rjcma.jobs.workers import core_count, end_with_parent, int_from_env
from rjcma.problem import Problem
from rjcma.training.batches import Batch, batch
from rjcma.training.clip_data import ClipData
from rjcma.training.windows import ClipWindow

WORKERS = 4
"""The largest default number of workers (ours)."""
PREFETCH = 2
"""Batches that each worker reads in advance (torch's default)."""
PRELOADED = ["torch.utils.data", "h5py", "pydantic", "ruamel.yaml"]
"""The libraries that workers need and that take long to import."""


class Loader:
    """Batches of windows of these clips, each padded to `frames`, on the device.

    `workers` is the number of worker processes; None means `default_workers`. They start with the
    first `load` and end with `close`, or with the loader.
    """

    waited: float
    """Total seconds for which the consumer has waited for batches."""

    def __init__(
        self,
        clips: Sequence[ClipData],
        frames: int,
        device: torch.device,
        workers: int | None = None,
    ) -> None:
        self.waited = 0.0
        self.workers = default_workers(device) if workers is None else workers
        self._copies = _Copies(device)
        self._groups: list[list[ClipWindow]] = []  # the windows of each batch to load
        self._load_number = 0  # of the current load
        self._data: DataLoader[Batch | Problem] | None = DataLoader(
            _BatchDataset(clips, frames),
            batch_size=None,
            sampler=self._groups,
            pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # its own: the global generator is that of dropout
            **_worker_options(self.workers),
        )
        self._results: Iterator[Batch | Problem] = iter(())

    def load(self, groups: Sequence[Sequence[ClipWindow]]) -> Iterator[Batch]:
        """One batch per group, in this order. This ends an earlier load, finished or not.

        Raises `Problem` if a file cannot be read or a worker no longer answers.
        """
        if self._data is None:
            raise RuntimeError("this loader is closed")
        self._load_number += 1
        self._groups[:] = [list(group) for group in groups]
        with _sigchld_restored():
            self._results = iter(self._data)
        return self._timed(self._copies.ahead(self._received(self._load_number)))

    def close(self) -> None:
        """End the workers."""
        self._load_number += 1
        self._results, self._data = iter(()), None

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        while True:
            began = time.perf_counter()
            following = next(batches, None)
            self.waited += time.perf_counter() - began
            if following is None:
                return
            yield following

    def _received(self, load_number: int) -> Iterator[Batch]:
        """The batches from the workers, still in host memory, as long as this load is current."""
        while True:
            if load_number != self._load_number:
                raise RuntimeError("this load ended when another began or the loader was closed")
            try:
                result = next(self._results, None)
            except (RuntimeError, OSError, EOFError) as error:
                if not self.workers or str(error).startswith("Caught "):  # raised while reading
                    raise
                raise _worker_lost(error) from None
            if result is None:
                return
            if isinstance(result, Problem):
                raise result
            yield result


def default_workers(device: torch.device) -> int:
    """The environment variable RJCMA_LOADERS, if it is set; otherwise 0 on the CPU.

    On a GPU, the default is this training process's share of the cores, minus one, at most 4.
    """
    workers = int_from_env("RJCMA_LOADERS", least=0, otherwise="have as many as suit the device")
    if workers is not None:
        return workers
    if device.type == "cpu":
        return 0
    trainers = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # set by `accelerate launch`
    return max(0, min(WORKERS, core_count() // trainers - 1))


class _BatchDataset(Dataset["Batch | Problem"]):
    """Batches, indexed by their windows; each worker has its own copy of this."""

    def __init__(self, clips: Sequence[ClipData], frames: int) -> None:
        self.clips, self.frames = {data.clip.name: data for data in clips}, frames

    def __getitem__(self, windows: Sequence[ClipWindow]) -> Batch | Problem:
        """A problem is returned, not raised: torch would turn it into another type of error."""
        try:
            return batch(windows, self.clips, self.frames)
        except Problem as problem:
            return problem


class _Copies:
    """Copies batches to the device; to a GPU, during computation and one batch in advance."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def ahead(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches on the device; on a GPU, each one after the copy of the next has started."""
        if self.stream is None:
            yield from (host_batch.to(self.device) for host_batch in batches)
            return
        copies = map(self._start_copy, batches)
        current = next(copies, None)
        while current is not None:
            following = next(copies, None)
            yield self._after_copy(*current)
            current = following

    def _start_copy(self, host_batch: Batch) -> tuple[Batch, torch.cuda.Event]:
        assert self.stream is not None
        with torch.cuda.stream(self.stream):
            return host_batch.to(self.device), self.stream.record_event()

    def _after_copy(self, copy: Batch, copied: torch.cuda.Event) -> Batch:
        """The batch, for the computing stream, which waits for the end of the copy."""
        computing = torch.cuda.current_stream(self.device)
        computing.wait_event(copied)
        for tensor in copy.tensors():
            tensor.record_stream(computing)  # else its memory might be used again too early
        return copy


def _worker_options(workers: int) -> dict[str, Any]:
    """The arguments of a `DataLoader` that reads in this number of processes."""
    if not workers:
        return {}
    return {
        "num_workers": workers,
        "multiprocessing_context": _context(),
        "persistent_workers": True,
        "prefetch_factor": PREFETCH,
        "worker_init_fn": _begin_worker,
    }


def _context() -> BaseContext:
    """How workers are started.

    A fork of this process cannot safely use CUDA and HDF5. New processes would import torch one
    after another, for seconds each. So workers are forks of a small process that has only imported
    it; where there are no such forks (Windows), they are new processes.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@contextmanager
def _sigchld_restored() -> Iterator[None]:
    """Restore the SIGCHLD handler, which torch replaces.

    When a worker dies, torch's handler raises an error anywhere in the training process. Without
    it, the error comes from the call that waits for the dead worker's batch, within seconds.
    """
    if not hasattr(signal, "SIGCHLD") or current_thread() is not main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)


def _begin_worker(worker: int) -> None:
    """Make this worker exit with the training process, and without Python's normal shutdown.

    One of its threads may still be sending a batch that is not needed, and would crash meanwhile.
    """
    end_with_parent()
    atexit.register(os._exit, 0)


def _worker_lost(error: Exception) -> Problem:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return Problem(
        file="RJCMA_LOADERS",
        found=f"a process that reads features and no longer answers ({reason})",
        expected="a process that answers until it is closed",
        cure="provide more memory (in a container, also shared memory), or set RJCMA_LOADERS=0",
    )

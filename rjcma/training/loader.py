"""Batches read ahead and brought to the device, so that a step need not wait for them.

On a GPU, worker processes read the files while the network computes; on the CPU they would only
take cores from it, so the training process reads for itself. A worker gets the clips once, when it
starts, and then windows alone; it opens files when it first reads them. Batches are the same
whoever reads them.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import TracebackType
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from rjcma.jobs.workers import core_count, int_from_env
from rjcma.problem import Problem
from rjcma.training.batches import Batch, batch
from rjcma.training.clip_data import ClipData
from rjcma.training.windows import ClipWindow

WORKERS = 4
"""At most, where nothing else is asked for (ours)."""
AHEAD = 2
"""Batches that each worker has read or is reading (torch's default)."""


class Loader:
    """Batches of windows of these clips, each padded to `frames`, on the device.

    So many `workers` processes read ahead, as many as `default_workers` says where it is None. They
    start with the first `load` and end with `close`, or with the loader.
    """

    waited: float
    """Seconds for which the consumer has waited for batches, in all."""

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
        self._asked: list[list[ClipWindow]] = []  # of the workers, a list a batch
        self._turn = 0  # of the load that is under way
        self._data: DataLoader[Batch | Problem] | None = DataLoader(
            _Reading(clips, frames),
            batch_size=None,
            sampler=self._asked,
            pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # else it draws from the one that dropout draws from
            **_processes(self.workers),
        )
        self._read: Iterator[Batch | Problem] = iter(())

    def load(self, groups: Sequence[Sequence[ClipWindow]]) -> Iterator[Batch]:
        """A batch a group, in this order. A load that is under way ends here, whole or not.

        Raises `Problem` for a file that cannot be read and for a worker that no longer answers.
        """
        if self._data is None:
            raise RuntimeError("this loader is closed")
        self._turn += 1
        self._asked[:] = [list(group) for group in groups]
        with _sigchld_restored():
            self._read = iter(self._data)
        return self._timed(self._copies.ahead(self._arriving(self._turn)))

    def close(self) -> None:
        """End the workers."""
        self._turn += 1
        self._read, self._data = iter(()), None

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

    def _arriving(self, turn: int) -> Iterator[Batch]:
        """What the workers send, still on the host, as long as this load is under way."""
        while True:
            if turn != self._turn:
                raise RuntimeError("this load ended when another began or the loader was closed")
            try:
                got = next(self._read, None)
            except (RuntimeError, OSError, EOFError) as error:
                if not self.workers or str(error).startswith("Caught "):  # raised while reading
                    raise
                raise _lost(error) from None
            if got is None:
                return
            if isinstance(got, Problem):
                raise got
            yield got


def default_workers(device: torch.device) -> int:
    """RJCMA_LOADERS, else 0 on the CPU, and on a GPU its share of the cores less one, 4 at most."""
    asked = int_from_env("RJCMA_LOADERS", least=0, otherwise="have as many as suit the device")
    if asked is not None:
        return asked
    if device.type == "cpu":
        return 0
    trainers = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # set by `accelerate launch`
    return max(0, min(WORKERS, core_count() // trainers - 1))


class _Reading(Dataset["Batch | Problem"]):
    """Batches by their windows; each worker has this for itself."""

    def __init__(self, clips: Sequence[ClipData], frames: int) -> None:
        self.clips, self.frames = {data.clip.name: data for data in clips}, frames

    def __getitem__(self, windows: Sequence[ClipWindow]) -> Batch | Problem:
        """A problem is given, not raised: torch would raise it as an error of another kind."""
        try:
            return batch(windows, self.clips, self.frames)
        except Problem as problem:
            return problem


class _Copies:
    """Copies to the device; to a CUDA one beside its computing, a batch ahead of it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def ahead(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches on the device; on CUDA each one when the copy of the next has begun."""
        if self.stream is None:
            yield from (some.to(self.device) for some in batches)
            return
        begun = map(self._begun, batches)
        current = next(begun, None)
        while current is not None:
            following = next(begun, None)
            yield self._awaited(*current)
            current = following

    def _begun(self, some: Batch) -> tuple[Batch, torch.cuda.Event]:
        assert self.stream is not None
        with torch.cuda.stream(self.stream):
            return some.to(self.device), self.stream.record_event()

    def _awaited(self, some: Batch, copied: torch.cuda.Event) -> Batch:
        """The batch for the stream that computes, whose next work waits for the copy."""
        computing = torch.cuda.current_stream(self.device)
        computing.wait_event(copied)
        for tensor in some.tensors():
            tensor.record_stream(computing)  # else its memory might be used again too early
        return some


def _processes(workers: int) -> dict[str, Any]:
    """What makes a `DataLoader` read in so many processes."""
    if not workers:
        return {}
    return {
        "num_workers": workers,
        "multiprocessing_context": "spawn",  # a forked process may not use CUDA and HDF5 as it is
        "persistent_workers": True,
        "prefetch_factor": AHEAD,
        "worker_init_fn": _leave_at_once,
    }


@contextmanager
def _sigchld_restored() -> Iterator[None]:
    """Restore the SIGCHLD handler, which torch sets.

    torch's raises an error in whatever the training process is doing at that moment; without it
    whoever waits for a dead worker's batch finds out within seconds.
    """
    if not hasattr(signal, "SIGCHLD") or current_thread() is not main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)


def _leave_at_once(worker: int) -> None:
    """Let this worker end without taking Python down in order.

    A thread of it may still be sending a batch that nobody wants, and would abort meanwhile.
    """
    atexit.register(os._exit, 0)


def _lost(error: Exception) -> Problem:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return Problem(
        file="RJCMA_LOADERS",
        found=f"a process that reads features and no longer answers ({reason})",
        expected="processes that end by themselves",
        cure="give more memory (in a container, shared memory too), or set RJCMA_LOADERS=0",
    )

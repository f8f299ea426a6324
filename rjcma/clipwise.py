"""A function over clips: nothing is done twice, and nothing that was done is lost.

Every output carries a key, the digest of all that it was made from. An output whose key and own
digest stand in the folder's ledger (`.keys`) is kept, anything else is made anew, and what belongs
to no job is removed; so the folder ends as a run from nothing would leave it, byte for byte.

Outputs are written beside their place and renamed into it, and never opened for writing
themselves (they may be links into DVC's cache). A clip that fails does not stop the others.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from rjcma.problem import Problem, Problems

LEDGER = ".keys"
PARTIAL = ".partial"  # the ending of a file that is being written
PLAIN_LINE_EVERY = 10.0  # seconds between progress lines where there is no terminal (ours)


class Job(NamedTuple):
    """One output to be made: its name (a clip's or a video's), and what it is made from."""

    name: str
    arguments: tuple[Any, ...]
    """What the function is called with, before the path to write to; must be picklable."""
    digests: tuple[str, ...]
    """What the arguments stand for by content: digests of files, and values that matter."""


Make = Callable[..., None]
"""Makes one output: called with a job's arguments and, last, the path to write."""


def run(
    make: Make,
    jobs: Sequence[Job],
    folder: Path,
    suffix: str,
    *,
    version: int,
    settings: Sequence[str] = (),
    workers: Literal["processes", "threads", "one"] = "processes",
    executor: Executor | None = None,
) -> None:
    """Make `folder/<name><suffix>` for each job, as far as it is not there already.

    `version` is the function's own, raised when its meaning changes; `settings` what else the
    outputs depend on: the dumped section of params, a model's identity. `workers` says what suits
    the function: processes, threads (a large model is shared and releases Python's lock), or one
    thread (it uses all cores by itself). Their number is RJCMA_WORKERS, else the cores at hand; it
    changes no result. Any other executor of `concurrent.futures` may be handed in.

    Raises `Problems` with a line a failed clip, after all others have been made and kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keys = {job.name + suffix: _key(make, job, version, settings) for job in jobs}
    if len(keys) != len(jobs):
        raise ValueError("two jobs of one name")
    ledger = _Ledger(folder)
    ledger.keep(keys)
    waiting = [job for job in jobs if job.name + suffix not in ledger.entries]
    _remove_strangers(folder, ledger.entries)
    problems: list[Problem] = []
    with ExitStack() as stack:
        pool = executor or stack.enter_context(_pool(workers, len(waiting)))
        futures: dict[Future[str | Problem], Job] = {
            pool.submit(_made, make, job, folder / (job.name + suffix)): job for job in waiting
        }
        stack.callback(lambda: [future.cancel() for future in futures])
        progress = stack.enter_context(_Progress(folder.name, len(jobs), len(waiting)))
        for future in as_completed(futures):
            job = futures[future]
            outcome = _outcome(future, folder)
            if isinstance(outcome, Problem):
                problems.append(outcome)
            else:
                ledger.add(job.name + suffix, keys[job.name + suffix], outcome)
            progress.step(failed=isinstance(outcome, Problem))
    ledger.write()
    if problems:
        lines = {str(problem): problem for problem in problems}  # a killed worker fails many alike
        raise Problems([lines[line] for line in sorted(lines)])


def digest_file(path: Path) -> str:
    """The digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, _blake).hexdigest()


def digest_files(paths: Iterable[Path]) -> list[str]:
    """The digests of many files, read side by side."""
    with ThreadPoolExecutor(worker_count()) as pool:
        return list(pool.map(digest_file, paths))


def digest_folder(folder: Path) -> str:
    """The digest of a folder's files, their names and contents; of a model, for instance."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return digest_text(json.dumps(list(zip(names, digest_files(paths), strict=True))))


def digest_text(text: str) -> str:
    """The digest of a text."""
    return _blake(text.encode()).hexdigest()


def worker_count() -> int:
    """RJCMA_WORKERS, else the number of cores that this process may use."""
    asked = asked_in("RJCMA_WORKERS", least=1, otherwise="use every core")
    return core_count() if asked is None else asked


def core_count() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def asked_in(variable: str, *, least: int, otherwise: str) -> int | None:
    """The number of processes that an environment variable asks for; None where it is unset.

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
            cure=f"set it to a number of processes, or unset it to {otherwise}",
        )
    return int(asked)


def _blake(data: bytes = b"", **_: Any) -> Any:
    return hashlib.blake2b(data, digest_size=16)


def _key(make: Make, job: Job, version: int, settings: Sequence[str]) -> str:
    name = getattr(make, "func", make).__qualname__  # a partial's function
    return digest_text(json.dumps([name, version, list(settings), job.name, list(job.digests)]))


_ENTRIES = TypeAdapter(dict[str, list[str]])


class _Ledger:
    """The outputs of a folder that are whole: name, key and digest of each, in one small file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / LEDGER
        self.entries: dict[str, list[str]] = {}
        with suppress(FileNotFoundError, ValidationError):  # none yet, or spoilt: all is made anew
            self.entries = _ENTRIES.validate_json(self.path.read_bytes())

    def keep(self, keys: dict[str, str]) -> None:
        """Forget all but the entries with these keys whose files are still what was written."""
        same = [name for name, key in keys.items() if self.entries.get(name, [])[:1] == [key]]
        there = [name for name in same if (self.folder / name).is_file()]
        digests = digest_files(self.folder / name for name in there)
        self.entries = {
            name: [keys[name], digest]
            for name, digest in zip(there, digests, strict=True)
            if self.entries[name][1:] == [digest]
        }

    def add(self, name: str, key: str, digest: str) -> None:
        self.entries[name] = [key, digest]
        self.write()

    def write(self) -> None:
        text = json.dumps(dict(sorted(self.entries.items())), indent=0) + "\n"
        if self.path.is_file() and self.path.read_text() == text:
            return
        partial = self.path.with_name(LEDGER + PARTIAL)
        partial.write_text(text)
        partial.replace(self.path)


def _remove_strangers(folder: Path, entries: Iterable[str]) -> None:
    """Remove what no entry names: outputs of clips that are gone, outdated or half-written."""
    known = {LEDGER, *entries}
    for path in folder.iterdir():
        if path.name not in known and path.is_file():
            path.unlink()


def _made(make: Make, job: Job, path: Path) -> str | Problem:
    """In the worker: make one output and put it in its place. -> its digest, or what went wrong."""
    partial = path.with_name("." + path.name + PARTIAL)
    try:
        make(*job.arguments, partial)
        digest = digest_file(partial)
        partial.replace(path)
        return digest
    except Problem as problem:
        return problem
    except Exception as error:
        return _unforeseen(error, job.name, path)
    finally:
        partial.unlink(missing_ok=True)


def _unforeseen(error: Exception, name: str, path: Path) -> Problem:
    at = traceback.extract_tb(error.__traceback__)[-1]
    return Problem(
        clip=name,
        file=path,
        found=f"{type(error).__name__}: {error} (at {Path(at.filename).name}:{at.lineno})",
        expected="no such error: the input is unusual, or there is a mistake in rjcma",
        cure="look at this clip's input; if it is sound, report this line",
    )


def _outcome(future: Future[str | Problem], folder: Path) -> str | Problem:
    try:
        return future.result()
    except BrokenProcessPool:
        return Problem(
            file=folder,
            found="a worker process that was killed, by the system for want of memory perhaps",
            expected="workers that end by themselves",
            cure="run again (finished clips are kept) with fewer workers: RJCMA_WORKERS=1",
        )


@contextmanager
def _pool(workers: Literal["processes", "threads", "one"], jobs: int) -> Iterator[Executor]:
    count = max(1, min(worker_count(), jobs))
    if workers == "processes":
        spawn = multiprocessing.get_context("spawn")
        with _one_core_each(), ProcessPoolExecutor(count, spawn) as processes:
            yield processes
    else:
        with ThreadPoolExecutor(1 if workers == "one" else count) as threads:
            yield threads


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Processes started meanwhile share the cores: their numeric libraries take one core each.

    Set here and not by the workers themselves, which load these libraries before they could: a
    spawned process first imports the stage that started it.
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


class _Progress:
    """Clips done, rate and time left: a bar on a terminal, now and then a plain line elsewhere."""

    def __init__(self, what: str, jobs: int, waiting: int) -> None:
        self.what, self.waiting, self.done, self.failed = what, waiting, 0, 0
        self.began = self.said = time.monotonic()
        self.bar = tqdm(total=waiting, desc=what, unit="clip") if _terminal() and waiting else None
        kept = jobs - waiting
        print(f"{what}: {jobs} in all, {kept} kept, {waiting} to make", file=sys.stderr, flush=True)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, *, failed: bool) -> None:
        self.done, self.failed = self.done + 1, self.failed + failed
        if self.bar is not None:
            self.bar.update()
            return
        now = time.monotonic()
        if now - self.said >= PLAIN_LINE_EVERY or self.done == self.waiting:
            self.said = now
            rate = self.done / max(now - self.began, 1e-9)
            left = (self.waiting - self.done) / rate
            line = f"{self.what}: {self.done}/{self.waiting} done, {rate:.2g} a second"
            line += f", {left:.0f} s left" if self.done < self.waiting else ""
            line += f", {self.failed} failed" if self.failed else ""
            print(line, file=sys.stderr, flush=True)


def _terminal() -> bool:
    return sys.stderr.isatty()

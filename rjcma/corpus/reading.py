"""Read the files of a corpus in parallel, each once: decode the videos, digest the face crops.

The results are remembered by path, size, time, and the digest of the code that reads the files. So
an unchanged corpus costs only one `stat` per video and per crop.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from rjcma.corpus import crops
from rjcma.corpus.crops import Crops
from rjcma.corpus.probe import Probe
from rjcma.corpus.settings import EXCLUDE
from rjcma.jobs.memory import Memory
from rjcma.jobs.progress import Progress
from rjcma.jobs.recipe import Recipe
from rjcma.jobs.workers import worker_count
from rjcma.problem import Problem

T = TypeVar("T")

PROBE = "rjcma.corpus.video"
"""The module that decodes videos; it is imported only if a video must be decoded."""


def videos(root: Path, paths: Iterable[Path], memory: Memory) -> dict[Path, Probe | Problem]:
    """Each video's `Probe`, or the `Problem` why it cannot be used. The largest are decoded first.

    Threads are enough: FFmpeg releases Python's lock while it decodes.
    """
    recipe = Recipe.of([PROBE], {}, {}).id
    results: dict[Path, Probe | Problem] = {}
    keys: dict[Path, str] = {}
    sizes: dict[Path, int] = {}
    for path in sorted(set(paths)):
        stat = path.stat()
        place = path.relative_to(root).as_posix()
        keys[path] = f"video {recipe} {place} {stat.st_size} {stat.st_mtime_ns}"
        sizes[path] = stat.st_size
        known = _probe(memory.values.get(keys[path]))
        if known is not None:
            results[path] = known
    waiting = sorted(set(keys) - set(results), key=lambda path: (-sizes[path], path))
    if waiting:
        probe = pkgutil.resolve_name(f"{PROBE}:probe")
        with memory.adding() as adder:
            for path, result in _in_parallel(probe, waiting, "decoding videos", "video"):
                results[path] = result
                if isinstance(result, Probe):
                    adder.add(keys[path], result.model_dump())
    return results


def faces(root: Path, folders: Iterable[Path], memory: Memory) -> dict[Path, Crops | Problem]:
    """The content of each folder of crops, or the `Problem` why it cannot be used.

    All folders are listed; the crops of a folder are read only if one of them has changed. Folders
    are listed one after another: threads would only wait for each other.
    """
    recipe = Recipe.of(["rjcma.corpus.crops"], {}, {}).id
    results: dict[Path, Crops | Problem] = {}
    waiting: dict[Path, tuple[Crops, str]] = {}
    listed = _in_parallel(crops.survey, sorted(set(folders)), "listing face crops", "folder", 1)
    for folder, content in listed:
        if isinstance(content, Problem):
            results[folder] = content
            continue
        key = f"faces {recipe} {folder.relative_to(root).as_posix()} {content.signature}"
        known = memory.values.get(key)
        if isinstance(known, str):
            results[folder] = replace(content, digest=known)
        else:
            waiting[folder] = content, key
    with memory.adding() as adder:
        read = _in_parallel(crops.digest, sorted(waiting), "reading face crops", "folder")
        for folder, digest in read:
            if isinstance(digest, Problem):
                results[folder] = digest
                continue
            content, key = waiting[folder]
            results[folder] = replace(content, digest=digest)
            adder.add(key, digest)
    return results


def _probe(value: object) -> Probe | None:
    """A probe from the memory; None if the value is not one."""
    try:
        return Probe.model_validate(value)
    except ValidationError:
        return None


def _in_parallel(
    function: Callable[[Path], T], paths: list[Path], what: str, unit: str, threads: int = 0
) -> Iterator[tuple[Path, T | Problem]]:
    """The function's result for each path, or its `Problem`, as soon as each is ready.

    With so many threads, or as many as there are workers.
    """
    with ThreadPoolExecutor(threads or worker_count()) as pool:
        futures: dict[Future[T | Problem], Path] = {
            pool.submit(function, path): path for path in paths
        }
        try:
            with Progress(what, len(paths), unit, last_line=False) as progress:
                for future in as_completed(futures):
                    yield futures[future], _outcome(future, futures[future])
                    progress.step()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _outcome(future: Future[T | Problem], path: Path) -> T | Problem:
    try:
        return future.result()
    except Problem as problem:
        return problem
    except OSError as error:
        return Problem(
            file=error.filename or path,
            found=str(error.strerror),
            expected="a file that can be read",
            cure=f"correct its permissions, connect its disk, {EXCLUDE}",
        )
    except Exception as error:  # One unusual file must not stop the examination of the others.
        return Problem(
            file=path,
            found=f"{type(error).__name__}: {error}",
            expected="no error; either the file is unusual, or rjcma has a bug",
            cure=f"convert the file again; if it is correct, report this line, {EXCLUDE}",
        )

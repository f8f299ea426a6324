"""Reading a corpus side by side, each file once: videos are decoded, face crops are digested.

Both are remembered by path, size and time, and by what the code that reads them means, so that an
unchanged corpus is only looked at: one `stat` a video and one a crop.
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
"""The module that decodes videos: it is loaded only where one has to be."""


def videos(root: Path, paths: Iterable[Path], memory: Memory) -> dict[Path, Probe | Problem]:
    """What each video is, or why it cannot be used. The largest are decoded first.

    Threads: FFmpeg decodes outside Python's lock.
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
            for path, result in _side_by_side(probe, waiting, "decoding videos", "video"):
                results[path] = result
                if isinstance(result, Probe):
                    adder.add(keys[path], result.model_dump())
    return results


def faces(root: Path, folders: Iterable[Path], memory: Memory) -> dict[Path, Crops | Problem]:
    """What each folder of crops holds, or why it cannot be used.

    Each is looked into; crops are only read where one has changed.
    """
    recipe = Recipe.of(["rjcma.corpus.crops"], {}, {}).id

    def look(folder: Path) -> tuple[Crops, str]:
        found = crops.survey(folder)
        place = folder.relative_to(root).as_posix()
        key = f"faces {recipe} {place} {found.signature}"
        known = memory.values.get(key)
        return replace(found, digest=known if isinstance(known, str) else crops.digest(folder)), key

    results: dict[Path, Crops | Problem] = {}
    with memory.adding() as adder:
        for folder, result in _side_by_side(look, sorted(set(folders)), "face crops", "folder"):
            if isinstance(result, Problem):
                results[folder] = result
                continue
            results[folder], key = result
            if key not in memory.values:
                adder.add(key, result[0].digest)
    return results


def _probe(value: object) -> Probe | None:
    """A probe as the cache holds it; None for what is none."""
    try:
        return Probe.model_validate(value)
    except ValidationError:
        return None


def _side_by_side(
    function: Callable[[Path], T], paths: list[Path], what: str, unit: str
) -> Iterator[tuple[Path, T | Problem]]:
    """What the function gives for each path, or its problem, as they come."""
    with ThreadPoolExecutor(worker_count()) as pool:
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
            cure=f"see to its permissions, or that its disk is there, {EXCLUDE}",
        )
    except Exception as error:  # One strange file must not keep the others from being examined.
        return Problem(
            file=path,
            found=f"{type(error).__name__}: {error}",
            expected="no such error: the file is unusual, or there is a mistake in rjcma",
            cure=f"convert the file anew; if it is sound, report this line, {EXCLUDE}",
        )

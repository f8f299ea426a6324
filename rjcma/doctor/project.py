"""Asked by `examination`: the params, the models and the corpus that they name, disk and memory."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rjcma.doctor import remote
from rjcma.doctor.examination import answer, looking
from rjcma.doctor.line import Line, failure, gigabytes
from rjcma.problem import Problem, Problems

SETUP = "run `make setup`, then this again"


def main(params: Path) -> None:
    """Answer."""
    looking("params")
    try:
        for line in lines(params):
            answer(line)
    except Problem as problem:  # of the project's own files: dvc.yaml, the record of models
        answer(_of_params(problem))
    except OSError as error:
        of_a_file = "correct that file or folder, or its permissions"
        answer(failure("params", error, of_a_file if error.filename else SETUP))
    except Exception as error:  # of a library that is missing or broken, which may raise anything
        answer(failure("params", error, SETUP))
    looking("dvc")
    try:
        importlib.import_module("dvc.repo")
        answer(Line("dvc", "can be imported"))
    except Exception as error:
        answer(failure("dvc", error, SETUP))


def lines(params: Path) -> Iterator[Line]:
    """The lines on what the params file names."""
    from rjcma import start
    from rjcma.command import DIGESTS
    from rjcma.jobs.digests import remember_in
    from rjcma.params import load

    remember_in(DIGESTS)
    try:
        start.check(params, _recorded())
        yield Line("params", f"{params} is valid")
        found = []
    except Problems as several:
        found = several.problems
    try:
        sections = {name: load(params, name, schema) for name, schema in start.CLASSES.items()}
    except Problem:
        yield from map(_of_params, found)
        return
    models = start.models_of(sections)
    missing = start.missing_of(sections, models)
    told = set(map(str, missing.values()))
    yield from (_of_params(problem) for problem in found if str(problem) not in told)
    known = start.read_record(_recorded())
    for key in models:
        yield _model(key, missing.get(key), key in known)
    yield corpus(sections["corpus"])
    yield from _sizes(sections)


def _of_params(problem: Problem) -> Line:
    return Line("params", f"{problem.file}: {problem.found}", problem.cure)


def _model(key: str, missing: Any, is_recorded: bool) -> Line:
    """The line on the model of a params key; `missing` is the problem if it is not here."""
    if missing is None:
        return Line("model", f"{key}: here")
    if is_recorded:
        found = f"{key}: not here; what was made with one elsewhere is kept. To make more:"
        return Line("model", f"{found} {missing.cure}")
    return Line("model", f"{key}: {missing.found}", missing.cure)


def corpus(section: Any) -> Line:
    """Whether the corpus is where the params say. Only its folders and lists are looked at."""
    root = Path(section.root)
    if section.make and not root.is_dir():
        return Line("corpus", f"{root}: not made yet; `dvc repro` makes it")
    if not root.is_dir():
        found = f"{root}: no such folder"
        if _manifest().is_file():
            return Line("corpus", f"{found}; the manifest and labels that are shared are used")
        return Line("corpus", found, "set corpus.root to the corpus, or make a link to it there")
    named = [*section.faces]
    if section.layout == "list":
        named += [section.list]
    else:
        named += [*section.videos, section.train, section.validation]
        named += [section.test] if section.test else []
    missing = [name for name in named if not _is_there(root, name)]
    if missing:
        cure = "correct the section corpus, or put them there"
        return Line("corpus", f"{root}: no {', no '.join(missing)}", cure)
    return Line("corpus", f"{root}: {', '.join(named)} are there")


def _is_there(root: Path, name: str) -> bool:
    """Whether a path or a glob under the root has anything to it."""
    try:
        return (root / name).exists() or next(root.glob(name), None) is not None
    except (OSError, ValueError):
        return False


def _sizes(sections: Mapping[str, Any]) -> Iterator[Line]:
    """Disk and memory, against what this corpus will need."""
    from rjcma import manifest
    from rjcma.doctor import needs

    path, size = _manifest(), None
    if not path.is_file():
        yield Line("manifest", f"{path}: not made yet; `dvc repro index` makes it")
    else:
        try:
            size = needs.Corpus.of(manifest.read(path))
            yield Line("manifest", _shown(size))
        except Problem as problem:
            found = problem.found.removeprefix(" = ")  # of a line that is not even JSON: no key
            yield Line("manifest", f"{path}: {found}", problem.cure)
    yield _disk(None if size is None else needs.disk(size, sections), path.parent)
    yield _memory(needs.memory(sections))


def _shown(size: Any) -> str:
    hours = size.seconds / 3600
    length = f"{hours:.1f} hours" if hours >= 1 else f"{size.seconds / 60:.1f} minutes"
    return f"{size.clips:,} clips, {size.frames:,} frames, {length} of video"


def _disk(needed: Mapping[str, float] | None, data: Path) -> Line:
    free = shutil.disk_usage(Path.cwd()).free
    found = f"{gigabytes(free)} free"
    if needed is None:
        return Line("disk", f"{found}; what the corpus needs is known after `dvc repro index`")
    here = sum(
        _bytes(data / part) for part in ("audio", "features", "words", "transcripts", "runs")
    )
    copies = 1 if remote.cache_links(Path.cwd()) else 2  # in data/, and in DVC's cache
    total = copies * sum(needed.values())
    rest = max(0.0, total - copies * here)
    found += f", up to {gigabytes(rest)} of {gigabytes(total)} still to come"
    if rest > free:
        most = sorted(needed, key=lambda name: -needed[name])[:3]
        largest = ", ".join(f"{name} {gigabytes(needed[name])}" for name in most)
        cure = (
            f"free {gigabytes(rest - free)}, or let DVC's cache link (docs/team.md);"
            f" largest: {largest}"
        )
        return Line("disk", found, cure)
    return Line("disk", found)


def _bytes(folder: Path) -> int:
    paths = folder.rglob("*") if folder.is_dir() else []
    return sum(path.stat().st_size for path in paths if path.is_file())


def _memory(needed: Mapping[str, float]) -> Line:
    import psutil

    state = psutil.virtual_memory()
    stage = max(needed, key=lambda name: needed[name])
    found = (
        f"{gigabytes(state.available)} of {gigabytes(state.total)} available;"
        f" a worker of {stage} needs about {gigabytes(needed[stage])}, which is the most"
    )
    if needed[stage] > state.available:
        cure = "end other programs, or run that stage on a machine with more memory"
        return Line("memory", found, cure)
    return Line("memory", found)


def _manifest() -> Path:
    from rjcma import places

    return places.arguments("score")[0]


def _recorded() -> Path:
    from rjcma import places

    return places.record_of_models()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

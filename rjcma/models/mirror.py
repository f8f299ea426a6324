"""Models from a folder or an HTTP server of one's own, which RJCMA_MODELS names.

It is the folder models/ of another clone, with its `fetched.json`, or a copy of it; any program
that serves files over HTTP will do. Without such a record, it may hold published files under their
own names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from rjcma.models import record
from rjcma.models.flow import Limits
from rjcma.models.parts import folder_of, part_of
from rjcma.models.record import COPIED, SINGLE, Fetched, File
from rjcma.models.registry import Entry
from rjcma.models.transfer import Absent, Told, discard, download, note_of
from rjcma.problem import Problem

RECORD_BYTES = 2**24
"""Bytes of a record, at most (ours)."""

CHUNK = 2**22


def fetch(
    place: str, entry: Entry, target: Path, told: Told, limits: Limits
) -> tuple[Path, Fetched] | None:
    """The model under a temporary name, as the record there describes it; None: it does not."""
    known = _record(place, target.parent, limits).get(entry.name)
    if known is None:
        return None
    single = list(known.files) == [SINGLE]
    ready = part_of(target) if single else folder_of(target)
    total = sum(file.size for file in known.files.values())
    done = 0
    for name, file in known.files.items():
        part = ready if single else ready / name
        part.parent.mkdir(parents=True, exist_ok=True)

        def told_all(have: int, _: int | None, before: int = done) -> object:
            return told(before + have, total)

        _one(place, f"{entry.lands}/{name}".rstrip("/"), part, file, told_all, limits)
        done += file.size
    if not single:
        for path in ready.rglob("*"):
            if path.is_file() and path.relative_to(ready).as_posix() not in known.files:
                path.unlink()
    return ready, Fetched(source=COPIED, files=known.files)


def published(place: str, entry: Entry, target: Path, told: Told, limits: Limits) -> str:
    """Bring the published file, which has its own name there, to the part. -> where it was."""
    name = entry.file or entry.lands
    try:
        if entry.hub:
            raise _absent(place, f"no {record.NAME} that lists {entry.name}")
        _copy(place, name, part_of(target), entry.size, told, limits)
    except Absent:
        raise _absent(place, f"neither {entry.name} in its {record.NAME}, nor {name}") from None
    return f"{place.rstrip('/')}/{name}"


def _one(place: str, name: str, path: Path, file: File, told: Told, limits: Limits) -> None:
    """One file of a model; a complete one is kept, a wrong one is brought once more."""
    for _ in range(2):
        if not path.is_file() or File.of(path) != file:
            if path.is_file() and path.stat().st_size >= file.size:
                discard(path)
            _copy(place, name, path, file.size, told, limits)
        if File.of(path) == file:
            note_of(path).unlink(missing_ok=True)
            return
        discard(path)
    raise Problem(
        file=f"{place.rstrip('/')}/{name}",
        found="a file with another sha256",
        expected=f"the file that {record.NAME} there describes",
        cure="copy the models there again",
    )


def _copy(place: str, name: str, path: Path, size: int | None, told: Told, limits: Limits) -> None:
    """Bring one file. Raises `Absent` if it is not there."""
    if is_web(place):
        download(f"{place.rstrip('/')}/{quote(name)}", path, size, told, limits)
        return
    source = Path(place) / name
    if not source.is_file():
        raise _absent(place, f"no {name}")
    total = source.stat().st_size
    with source.open("rb") as file, path.open("wb") as copy:
        while piece := file.read(CHUNK):
            copy.write(piece)
            told(copy.tell(), total)


def _record(place: str, folder: Path, limits: Limits) -> Mapping[str, Fetched]:
    """The record there; empty if there is none."""
    if not is_web(place):
        if not Path(place).is_dir():
            raise Problem(
                file=f"RJCMA_MODELS={place}",
                found="no such folder",
                expected="a folder with models, or an address that begins with https:// or http://",
                cure="correct RJCMA_MODELS, or unset it to fetch from the publishers",
            )
        return record.read(Path(place) / record.NAME)
    url = f"{place.rstrip('/')}/{record.NAME}"
    part = folder / f".{record.NAME}.there"
    discard(part)
    try:
        download(url, part, None, lambda *_: None, limits, most=RECORD_BYTES)
        return record.parsed(json.loads(part.read_bytes()), url)
    except Absent:
        return {}
    except (ValueError, RecursionError):
        return record.parsed(None, url)
    finally:
        discard(part)


def is_web(place: str) -> bool:
    """Whether this is a server's address, not a folder."""
    return place.lower().startswith(("http://", "https://"))


def _absent(place: str, found: str) -> Absent:
    return Absent(
        file=f"RJCMA_MODELS={place}",
        found=found,
        expected="the folder models/ of a clone in which the model was fetched",
        cure="fetch the model there first, or unset RJCMA_MODELS to fetch from the publisher",
    )

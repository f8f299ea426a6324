"""Fetches a model: from its publisher, or from the folder or server that RJCMA_MODELS names.

What comes is compared with the published checksum, if there is one, and with what was fetched
before. Only then does it get its name under models/; until then it is a part, whose name begins
with a dot.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rjcma.jobs.lock import locked
from rjcma.models import hub, mirror, record
from rjcma.models.archive import unpack
from rjcma.models.flow import PATIENT, Limits
from rjcma.models.parts import folder_of, part_of, settled
from rjcma.models.record import BY_HAND, SINGLE, Fetched, File, difference, files_of, found_here
from rjcma.models.registry import Entry
from rjcma.models.telling import Telling
from rjcma.models.transfer import Told, discard, download
from rjcma.problem import Problem

FOLDER = Path("models")
"""Where models are, in the project's folder."""

VARIABLE = "RJCMA_MODELS"
"""Names a folder or an HTTP server that has the models, for machines without internet."""


def fetch(entry: Entry, folder: Path = FOLDER, limits: Limits = PATIENT) -> str:
    """Fetch a model into `folder`, unless it is here. -> a line that says what was done.

    Raises `Problem` if it cannot be had, or is not what it should be.
    """
    target, listed = folder / entry.lands, folder / record.NAME
    with locked(folder):
        before = record.read(listed).get(entry.name)
        if target.exists():
            fetched = found_here(target)
            state = compared(entry, target, fetched, before)
            if before is None:
                record.add(listed, entry.name, fetched)
            return f"{entry.name}: {target} is here already, {state}"
        telling = Telling(entry.name)
        try:
            got = _got(entry, target, before, telling, limits)
        finally:
            telling.close()
        try:
            state = compared(entry, target, got.fetched, before)
        except Problem:
            _clear(target)
            raise
        record.add(listed, entry.name, before or got.fetched)
        settled(got.path, target)
        _clear(target)
    return f"{entry.name}: {target}, {state}"


class Got(NamedTuple):
    """A complete model under a temporary name."""

    path: Path
    fetched: Fetched


def _got(entry: Entry, target: Path, before: Fetched | None, told: Told, limits: Limits) -> Got:
    """The model from where it can be had."""
    if place := os.environ.get(VARIABLE, ""):
        found = mirror.fetch(place, entry, target, told, limits)
        if found is not None:
            return Got(*found)
        url = mirror.published(place, entry, target, told, limits)
        return _opened(entry, target, url)
    if entry.hub:
        revision = entry.revision or (before.revision if before else None)
        return Got(folder_of(target), hub.fetch(entry, revision, folder_of(target), told, limits))
    if entry.ask:
        raise Problem(
            file=entry.name,
            found="no public address of its file",
            expected=str(target),
            cure=entry.ask,
        )
    _published(entry, target, before, told, limits)
    return _opened(entry, target, entry.url)


def _published(
    entry: Entry, target: Path, before: Fetched | None, told: Told, limits: Limits
) -> None:
    """Download the published file. If it was put together and is wrong, once more from nothing."""
    part = part_of(target)
    joined = download(entry.url, part, entry.size, told, limits)
    if joined and _misfit(entry, File.of(part), before):
        discard(part)
        download(entry.url, part, entry.size, told, limits)


def _opened(entry: Entry, target: Path, source: str) -> Got:
    """The published file that is here, checked; an archive is unpacked."""
    part = part_of(target)
    file = File.of(part)
    if not entry.is_archive:
        return Got(part, Fetched(source=source, files={SINGLE: file}))
    try:
        if wrong := _unlike_published(entry, file):
            raise _problem(entry, target, wrong)
        shutil.rmtree(folder_of(target), ignore_errors=True)
        unpack(part, entry.file, folder_of(target), entry.lands)
    except Problem:
        discard(part)
        raise
    files = files_of(folder_of(target))
    return Got(folder_of(target), Fetched(source=source, published=file, files=files))


def compared(entry: Entry, target: Path, fetched: Fetched, before: Fetched | None) -> str:
    """How sure it is that a model is the right one, in words.

    Raises `Problem` if it is another than the published one, or than was fetched before.
    """
    if wrong := _unlike_entry(entry, fetched.files):
        raise _problem(entry, target, wrong)
    if before and (wrong := difference(fetched.files, before.files)):
        raise _problem(entry, target, f"{wrong}; it is not what was fetched first")
    by_hand = before is None and fetched.source == BY_HAND
    return _sureness(entry, before or fetched, by_hand)


def _unlike_entry(entry: Entry, files: Mapping[str, File]) -> str:
    """How a model here differs from what is known of it; empty if it does not, as far as known."""
    single = files.get(SINGLE)
    if entry.hub or entry.is_archive:
        if single:
            return "a file, not a folder"
        for name, sha256 in entry.checksums.items():
            if name in files and files[name].sha256 != sha256:
                return f"a {name} with another sha256 than published"
        return ""
    if single:
        return _unlike_published(entry, single)
    must_be_a_file = entry.url or entry.size or entry.sha256 or entry.sha256_begins
    return "a folder, not a file" if must_be_a_file else ""


def _sureness(entry: Entry, known: Fetched, by_hand: bool) -> str:
    unpacked = entry.is_archive and known.published is None
    if entry.sha256 and not unpacked:
        return "verified: its sha256 is the published one"
    if entry.revision and known.revision == entry.revision:
        return f"verified: as the hub has it at the pinned revision {entry.revision[:8]}"
    if entry.sha256_begins and not unpacked:
        digits = entry.sha256_begins
        return f"verified in part: its sha256 begins with {digits}; no more is published"
    if published := [name for name in entry.checksums if name in known.files]:
        return f"verified in part: the sha256 of {', '.join(published)} is the published one"
    if by_hand:
        return f"unverified: no checksum is known, and it was {BY_HAND}"
    return "unverified: no checksum is known; it is compared with what was here first"


def _misfit(entry: Entry, file: File, before: Fetched | None) -> str:
    """Why this cannot be the published file; empty if it can."""
    known = (before.published or before.files.get(SINGLE)) if before else None
    return _unlike_published(entry, file) or ("another" if known and known != file else "")


def _unlike_published(entry: Entry, file: File) -> str:
    """How a published file differs from what is known of it; empty if it does not."""
    if entry.size is not None and file.size != entry.size:
        return f"{file.size:,} bytes, not {entry.size:,}"
    if entry.sha256 is not None and file.sha256 != entry.sha256:
        return f"the sha256 {file.sha256[:16]}…, not {entry.sha256[:16]}…"
    if not file.sha256.startswith(entry.sha256_begins):
        return f"a sha256 that begins with {file.sha256[:8]}, not {entry.sha256_begins}"
    return ""


def _problem(entry: Entry, target: Path, found: str) -> Problem:
    return Problem(
        file=target,
        found=found,
        expected=f"{entry.name} from {entry.source}",
        cure=f"remove {target} if it is there, then `rjcma models fetch {entry.name}`; if you trust"
        f" the new file, also remove {entry.name} from {target.parent / record.NAME}",
    )


def _clear(target: Path) -> None:
    """Remove all parts of a model."""
    discard(part_of(target))
    shutil.rmtree(folder_of(target), ignore_errors=True)

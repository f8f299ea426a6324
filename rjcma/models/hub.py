"""A model from the Hugging Face hub, by the hub's own library, at one commit.

Of the forms in which weights are there, one is taken: safetensors, else PyTorch's. The hub's own
sizes and sha256 are compared with what has come. No account is used. The library works in a process
of its own, which is ended if nothing comes: it may wait for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.jobs.workers import end_with_parent
from rjcma.models.flow import Limits
from rjcma.models.names import is_plain
from rjcma.models.record import Fetched, files_of
from rjcma.models.registry import Entry
from rjcma.models.transfer import Told
from rjcma.problem import Problem

NEEDED = (".json", ".txt", ".model")
"""Suffixes of the configuration and the tokenizer."""
WEIGHTS = (".safetensors", ".bin")
WHOLE = ("model.safetensors", "pytorch_model.bin")
"""Suffixes of weights, the first first."""
LOOK_EVERY = 0.2
"""Seconds between looks at how much has come (ours)."""
OWN = ".cache"
"""The folder in which the library keeps notes and parts."""


class Listed(NamedTuple):
    """A file on the hub."""

    name: str
    size: int
    sha256: str | None
    """None for a small file, which the hub knows by another digest."""


class Listing(NamedTuple):
    """What the hub has of a model."""

    commit: str
    files: list[Listed]


def fetch(entry: Entry, revision: str | None, folder: Path, told: Told, limits: Limits) -> Fetched:
    """Fetch the model's files into `folder`, at `revision`, or the newest if that is None.

    HF_ENDPOINT names another hub. Raises `Problem`; what has come is kept.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_work, args=(there, entry.hub, revision, folder), daemon=True)
    process.start()
    there.close()
    try:
        listing: Listing = _received(entry, here, limits)
        wanted = _accepted(entry, listing, revision)
        _has_room(entry, wanted, folder)
        here.send(list(wanted))
        _pour(entry, here, folder, sum(file.size for file in wanted.values()), told, limits)
    finally:
        process.kill()
        process.join()
        here.close()
    shutil.rmtree(folder / OWN, ignore_errors=True)
    return _checked(entry, listing.commit, folder, wanted)


def chosen(files: Iterable[Listed]) -> list[Listed]:
    """Of the files on the hub, those that transformers reads, with weights in one form.

    Only those beside the configuration: other forms are in folders. Where all weights are in one
    file of the usual name, others are of other precisions.

    >>> names = ["config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx"]
    >>> names += ["model.fp32-00001-of-00002.safetensors"]
    >>> [file.name for file in chosen(Listed(name, 1, None) for name in names)]
    ['model.safetensors', 'config.json']
    """
    top = [file for file in files if "/" not in file.name]
    for suffix in WEIGHTS:
        if weights := [file for file in top if file.name.endswith(suffix)]:
            weights = [file for file in weights if file.name in WHOLE] or weights
            others = tuple(f"{other}.index.json" for other in WEIGHTS if other != suffix)
            needed = [file for file in top if file.name.endswith(NEEDED)]
            return weights + [file for file in needed if not file.name.endswith(others)]
    return []


def _work(parent: Connection, name: str, revision: str | None, folder: Path) -> None:
    """In the process: send the listing, wait for the names that are wanted, fetch them.

    At the end None is sent, or what failed, in words.
    """
    end_with_parent()
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before the library is imported
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # plain HTTP: what has come can be seen
    import huggingface_hub

    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        api = huggingface_hub.HfApi(endpoint=endpoint, token=False)
        info = api.model_info(name, revision=revision, files_metadata=True)
        parent.send(Listing(str(info.sha), [_listed(file) for file in info.siblings or []]))
        huggingface_hub.snapshot_download(
            name,
            revision=info.sha,
            local_dir=folder,
            allow_patterns=[_literal(each) for each in parent.recv()],
            endpoint=endpoint,
            token=False,
            max_workers=2,
        )
        parent.send(None)
    except Exception as error:  # in words, since not every error can be sent
        parent.send(_in_words(error))


def _listed(file: Any) -> Listed:
    return Listed(str(file.rfilename), int(file.size), file.lfs.sha256 if file.lfs else None)


def _received(entry: Entry, here: Connection, limits: Limits) -> Any:
    """What the process sends next, within the time of a reply."""
    if not here.poll(limits.reply):
        raise _problem(entry, f"no answer within {limits.reply:g} seconds")
    return _opened(entry, here)


def _opened(entry: Entry, here: Connection) -> Any:
    try:
        sent = here.recv()
    except EOFError:
        sent = "a process that died"
    if isinstance(sent, str):
        raise _problem(entry, sent)
    return sent


def _pour(
    entry: Entry, here: Connection, folder: Path, total: int, told: Told, limits: Limits
) -> None:
    """Wait for the end, as long as enough comes."""
    began, before = time.monotonic(), _bytes(folder)
    while not here.poll(LOOK_EVERY):
        have = _bytes(folder)
        told(have, total)
        if time.monotonic() - began >= limits.pace_seconds:
            if have - before < limits.pace_bytes:
                raise _problem(entry, f"{have - before} bytes in {limits.pace_seconds:g} seconds")
            began, before = time.monotonic(), have
    _opened(entry, here)
    told(total, total)


def _accepted(entry: Entry, listing: Listing, revision: str | None) -> dict[str, Listed]:
    """The files that are wanted, by name, if the listing can be one of a model."""
    if revision is not None and listing.commit != revision:
        raise _problem(entry, f"the commit {listing.commit[:40]}", f"the commit {revision}")
    wanted = {file.name: file for file in chosen(listing.files)}
    if not wanted or not all(map(is_plain, wanted)) or "config.json" not in wanted:
        raise _problem(entry, "other files than those of a model")
    return wanted


def _has_room(entry: Entry, wanted: Mapping[str, Listed], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rest = sum(file.size for file in wanted.values()) - _bytes(folder)
    if rest > (free := shutil.disk_usage(folder).free):
        raise Problem(
            file=folder.parent,
            found=f"{free:,} bytes of free space",
            expected=f"room for the {rest:,} bytes of {entry.hub} that are still to come",
            cure="free space on that disk, then run it again",
        )


def _checked(entry: Entry, commit: str, folder: Path, wanted: Mapping[str, Listed]) -> Fetched:
    """The files that have come, if they are what the hub says."""
    found = files_of(folder)
    for name, file in wanted.items():
        if name not in found:
            wrong = f"no {name}"
        elif found[name].size != file.size:
            wrong = f"a {name} of {found[name].size:,} bytes"
        elif file.sha256 and found[name].sha256 != file.sha256:
            wrong = f"a {name} with another sha256"
        else:
            continue
        shutil.rmtree(folder)
        raise _problem(entry, wrong, f"the file that the hub lists, of {file.size:,} bytes")
    for name in set(found) - set(wanted):
        (folder / name).unlink()
    files = {name: found[name] for name in sorted(wanted)}
    return Fetched(source=entry.hub, revision=commit, files=files)


def _in_words(error: Exception) -> str:
    """What the hub's library raises, in a line."""
    from huggingface_hub import errors

    response = getattr(error, "response", None)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE=1, so the hub must not be used; unset it for this command"
    if response is not None:
        return f"answer {response.status_code}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _bytes(folder: Path) -> int:
    """Bytes of the files in a folder, parts included; files may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _literal(name: str) -> str:
    """A pattern that only this name fits.

    >>> _literal("a[1].json")
    'a[[]1[]].json'
    """
    return "".join(f"[{c}]" if c in "[]*?" else c for c in name)


def _problem(entry: Entry, found: str, expected: str = "the files of a model") -> Problem:
    return Problem(
        file=f"{entry.hub} on the Hugging Face hub",
        found=found,
        expected=expected,
        cure="run it again: it goes on with what is here; or set RJCMA_MODELS to a folder or"
        " server that has the model",
    )

"""A model from the Hugging Face hub, by the hub's own library, at one commit.

Of the forms in which weights are there, one is taken: safetensors, else PyTorch's. The hub's own
sizes and sha256 are compared with what has come. No account is used.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from rjcma.models.flow import Limits
from rjcma.models.names import is_plain
from rjcma.models.record import Fetched, files_of
from rjcma.models.registry import Entry
from rjcma.models.transfer import Told
from rjcma.problem import Problem

NEEDED = (".json", ".txt", ".model")
"""Suffixes of the configuration and the tokenizer."""
WEIGHTS = (".safetensors", ".bin")
"""Suffixes of weights, the first first."""
LOOK_EVERY = 0.2
"""Seconds between looks at how much has come (ours)."""
OWN = ".cache"
"""The folder in which the library keeps notes and parts."""

T = TypeVar("T")


def fetch(entry: Entry, revision: str | None, folder: Path, told: Told, limits: Limits) -> Fetched:
    """Fetch the model's files into `folder`, at `revision`, or the newest if that is None.

    HF_ENDPOINT names another hub. Raises `Problem`; what has come is kept.
    """
    import huggingface_hub  # takes half a second
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    endpoint = os.environ.get("HF_ENDPOINT") or None
    api = huggingface_hub.HfApi(endpoint=endpoint, token=False)
    info = _watched(
        entry,
        lambda: api.model_info(entry.hub, revision=revision, files_metadata=True),
        lambda: 0,
        limits._replace(pace_seconds=limits.reply, pace_bytes=1),
    )
    if revision is not None and info.sha != revision:
        raise _problem(entry, f"the commit {info.sha}", revision)
    wanted = {file.rfilename: file for file in chosen(info.siblings or [])}
    if not all(map(is_plain, wanted)) or not wanted:
        raise _problem(entry, "no files of a model", "configuration, tokenizer and weights")
    total = sum(file.size or 0 for file in wanted.values())
    folder.mkdir(parents=True, exist_ok=True)
    if total - _bytes(folder) > (free := shutil.disk_usage(folder).free):
        raise Problem(
            file=folder.parent,
            found=f"{free:,} bytes of free space",
            expected=f"room for the {total:,} bytes of {entry.hub}",
            cure="free space on that disk, then run it again",
        )

    def come() -> int:
        have = _bytes(folder)
        told(have, total)
        return have

    _watched(
        entry,
        lambda: huggingface_hub.snapshot_download(
            entry.hub,
            revision=info.sha,
            local_dir=folder,
            allow_patterns=[_literal(name) for name in wanted],
            endpoint=endpoint,
            token=False,
            max_workers=2,
        ),
        come,
        limits,
    )
    shutil.rmtree(folder / OWN, ignore_errors=True)
    return _checked(entry, str(info.sha), folder, wanted)


def chosen(files: Iterable[Any]) -> list[Any]:
    """Of the files on the hub, those that transformers reads, with weights in one form.

    Only those beside the configuration, since other forms are in folders.
    """
    top = [file for file in files if "/" not in file.rfilename]
    for suffix in WEIGHTS:
        weights = [file for file in top if file.rfilename.endswith(suffix)]
        if weights:
            index = f"{suffix}.index.json"
            return weights + [
                file
                for file in top
                if file.rfilename.endswith(NEEDED)
                and (not file.rfilename.endswith(".index.json") or file.rfilename.endswith(index))
            ]
    return []


def _checked(entry: Entry, commit: str, folder: Path, wanted: dict[str, Any]) -> Fetched:
    """The files that have come, if they are what the hub says."""
    found = files_of(folder)
    for name, file in wanted.items():
        digest = file.lfs.sha256 if file.lfs else None
        if name not in found:
            wrong = f"no {name}"
        elif file.size is not None and found[name].size != file.size:
            wrong = f"a {name} of {found[name].size:,} bytes"
        elif digest and found[name].sha256 != digest:
            wrong = f"a {name} with another sha256"
        else:
            continue
        shutil.rmtree(folder)
        raise _problem(entry, wrong, f"the file that the hub lists ({file.size:,} bytes)")
    for name in set(found) - set(wanted):
        (folder / name).unlink()
    files = {name: found[name] for name in sorted(wanted)}
    return Fetched(source=entry.hub, revision=commit, files=files)


def _watched(entry: Entry, call: Callable[[], T], come: Callable[[], int], limits: Limits) -> T:
    """The result of a call in a thread, as long as enough comes: the library waits for ever."""
    result: list[T] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            result.append(call())
        except Exception as error:  # raised again, in the thread that waits
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    began, before = time.monotonic(), come()
    while thread.is_alive():
        thread.join(LOOK_EVERY)
        have = come()
        if time.monotonic() - began >= limits.pace_seconds:
            if have - before < limits.pace_bytes and thread.is_alive():
                found = f"{have - before} bytes in {limits.pace_seconds:g} seconds"
                raise _problem(entry, found, "a server that answers")
            began, before = time.monotonic(), have
    if failure:
        raise _in_words(entry, failure[0]) from None
    return result[0]


def _in_words(entry: Entry, error: Exception) -> Exception:
    """The problem of what the hub's library raises; any other error as it is."""
    import httpx2
    from huggingface_hub import errors

    response = getattr(error, "response", None)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return Problem(
            file="HF_HUB_OFFLINE",
            found="1: the hub must not be used",
            expected="no such setting while a model is fetched from the hub",
            cure=f"unset it and run `rjcma models fetch {entry.name}` again, or set RJCMA_MODELS",
        )
    if response is not None:
        return _problem(entry, f"answer {response.status_code}", "a model that anybody may load")
    if isinstance(error, (httpx2.HTTPError, OSError, ValueError)):
        words = " ".join(str(error).split())[:200] or type(error).__name__
        return _problem(entry, words, "the model's files")
    return error


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
    """A pattern that only this name fits."""
    return "".join(f"[{c}]" if c in "[]*?" else c for c in name)


def _problem(entry: Entry, found: str, expected: str) -> Problem:
    return Problem(
        file=f"{entry.hub} on the Hugging Face hub",
        found=found,
        expected=expected,
        cure="run it again: it goes on with what is here; or set RJCMA_MODELS to a folder or"
        " server that has the model",
    )

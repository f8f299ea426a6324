"""What was fetched, `models/fetched.json`: of each model its source, and the digest of each file.

Of a file without a published checksum this is all that can be compared with: who fetches it again
must get the same. A team may share the file through git, so that all have the same models. And a
folder with this file in it serves other machines as `RJCMA_MODELS`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rjcma.jobs.files import read_json, replace
from rjcma.models.names import is_plain
from rjcma.models.registry import SHA256
from rjcma.params import checked
from rjcma.problem import Problem

NAME = "fetched.json"
BY_HAND = "put here by hand"
"""The source of a model that was here before it was fetched."""
COPIED = "a copy, from where RJCMA_MODELS named"
"""The source of a model that came with the record of another place, which may claim anything."""
SINGLE = ""
"""The name of the only file of a model that is a file, not a folder."""


class File(BaseModel):
    """A file of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=0)
    sha256: str = Field(pattern=SHA256)

    @classmethod
    def of(cls, path: Path) -> File:
        """The file at this path."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(size=file.tell(), sha256=digest)


class Fetched(BaseModel):
    """A model as it was fetched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    """The address, or the name on the hub."""
    revision: str = ""
    """The commit on the hub."""
    published: File | None = None
    """The archive, if it was unpacked."""
    files: Mapping[str, File]
    """By path within the model's folder; `SINGLE` for a model that is a file."""

    @field_validator("files")
    @classmethod
    def _are_plain(cls, files: Mapping[str, File]) -> Mapping[str, File]:
        names = set(files) - {SINGLE}
        folders = {folder.as_posix() for name in names for folder in PurePosixPath(name).parents}
        if not files or not all(map(is_plain, names)):
            raise ValueError("files with plain names")
        if names & folders or (names and SINGLE in files):
            raise ValueError("files whose names are not those of folders")
        return files


def read(path: Path) -> dict[str, Fetched]:
    """The record by the models' names, empty if there is none. Raises `Problem` if damaged."""
    if not path.exists():
        return {}
    expected, cure = "the record of fetched models", "remove it, and fetch the models again"
    return parsed(read_json(path, expected=expected, cure=cure), path)


def parsed(content: object, where: object) -> dict[str, Fetched]:
    """The record from plain values. Raises `Problem` if these are something else."""
    if not isinstance(content, dict):
        raise Problem(
            file=where,
            found=type(content).__name__,
            expected="the record of fetched models, by name",
            cure="remove that file; `rjcma models fetch` writes it",
        )
    return {name: checked(Fetched, values, name, where) for name, values in content.items()}


def add(path: Path, name: str, fetched: Fetched) -> None:
    """Write down a model; others stay as they are."""
    record = {**read(path), name: fetched}
    plain = {name: each.model_dump(exclude_defaults=True) for name, each in sorted(record.items())}
    replace(path, (json.dumps(plain, indent=1, sort_keys=True) + "\n").encode())


def files_of(model: Path) -> dict[str, File]:
    """The files of a model here, read and digested; empty if it is not here."""
    if model.is_file():
        return {SINGLE: File.of(model)}
    paths = sorted(path for path in model.rglob("*") if path.is_file())
    return {path.relative_to(model).as_posix(): File.of(path) for path in paths}


def found_here(model: Path) -> Fetched:
    """A model as it is here. Raises `Problem` for what cannot be one."""
    try:
        return Fetched(source=BY_HAND, files=files_of(model))
    except ValidationError:
        raise Problem(
            file=model,
            found="an empty folder, or files with odd names",
            expected="a model",
            cure="remove it, then fetch the model again",
        ) from None


def difference(found: Mapping[str, File], expected: Mapping[str, File]) -> str:
    """The first file that differs, in words; empty if all are the same."""
    for name in sorted(found.keys() | expected.keys()):
        shown = name or "the file"
        if name not in found:
            return f"no {shown}"
        if name not in expected:
            return f"{shown}, which was not there"
        if found[name] != expected[name]:
            was, now = expected[name], found[name]
            sizes = f" ({now.size:,} bytes, not {was.size:,})" if was.size != now.size else ""
            return f"another {shown}{sizes}" if name else f"another file{sizes}"
    return ""

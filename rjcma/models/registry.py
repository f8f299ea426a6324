"""The registry of models: what each is for, where it is published, and what is known of its file.

`registry.toml` beside this module explains the keys. What is not known is None or empty.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rjcma.models.names import is_plain
from rjcma.params import checked
from rjcma.problem import Problem

COMMITTED = Path(__file__).with_name("registry.toml")

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Suffixes of published files that are unpacked."""

SHA256 = r"^[0-9a-f]{64}$"


class Entry(BaseModel):
    """A model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    purpose: str
    params: str
    """The line of params.yaml that names it."""
    key: str
    """The params key."""
    lands: str
    """The name of its file or folder under models/."""
    url: str = ""
    hub: str = ""
    """Its name on the Hugging Face hub."""
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    """The pinned commit on the hub; None: the newest, when it is fetched first."""
    size: int | None = Field(default=None, gt=0)
    """Bytes of the published file."""
    sha256: str | None = Field(default=None, pattern=SHA256)
    """Of the published file, as its publisher states it."""
    sha256_begins: str = Field(default="", pattern=r"^[0-9a-f]{0,64}$")
    """The first digits, if only these are published."""
    checksums: Mapping[str, str] = {}
    """The sha256 of single files of a model on the hub."""
    licence: str = ""
    ask: str = ""
    """How the user gets a file that has no public address, as an imperative."""

    @field_validator("lands")
    @classmethod
    def _is_a_name(cls, lands: str) -> str:
        if not is_plain(lands) or "/" in lands:
            raise ValueError("the plain name of a file or folder")
        return lands

    @field_validator("url")
    @classmethod
    def _is_web(cls, url: str) -> str:
        if url and urlsplit(url).scheme not in ("https", "http"):
            raise ValueError("an address that begins with https://")
        return url

    @model_validator(mode="after")
    def _has_one_source(self) -> Entry:
        if sum(map(bool, (self.url, self.hub, self.ask))) != 1:
            raise ValueError("one of url, hub and ask")
        return self

    @property
    def file(self) -> str:
        """The name of the published file; empty for a model on the hub."""
        return urlsplit(self.url).path.rpartition("/")[2] if self.url else ""

    @property
    def is_archive(self) -> bool:
        """Whether the published file is unpacked."""
        return self.file.lower().endswith(ARCHIVES)

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if self.hub:
            return f"{self.hub} on the Hugging Face hub"
        return self.url or "its authors"


def read(path: Path = COMMITTED) -> dict[str, Entry]:
    """All models by name. Raises `Problem` for a file that is missing or not a registry."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _problem(path, "no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _problem(path, f"no TOML: {error}") from None
    entries = {}
    for name, values in content.items():
        if not isinstance(values, dict):
            raise _problem(path, f"{name} = {values!r}")
        entries[name] = checked(Entry, {"name": name, **values}, name, path)
    return entries


def chosen(entries: Mapping[str, Entry], names: Iterable[str]) -> list[Entry]:
    """The models of these names. Raises `Problem` for a name that is not in the registry."""
    found = []
    for name in names:
        if name not in entries:
            close = difflib.get_close_matches(name, entries, n=3, cutoff=0.0)
            raise Problem(
                file=name,
                found="no model of this name",
                expected=f"one of {len(entries)}, such as {', '.join(close)}",
                cure="correct the name; `rjcma models list` shows all",
            )
        found.append(entries[name])
    return found


def _problem(path: Path, found: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected="a registry of models: a table for each, as rjcma/models/registry.toml has",
        cure="correct the file",
    )

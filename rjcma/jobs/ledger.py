"""The ledger of a folder, `.keys`: which of its files are complete, and what each was made from.

    {"format": 2,
     "recipes": {ID: {code, libraries, settings, models}},
     "files": {NAME: [ID, inputs, digest, made_by, content, about]},
     "adopted": {ID: {"made_by": [ID, ...], "checked": [NAME, ...]}}}

A file is up to date if its entry has the wanted recipe and inputs, and the file has the entry's
digest. If a file was adopted (`rjcma.jobs.adoption`), `made_by` is the ID of the recipe that really
made it. The last members of an entry are left out if they are empty. Format 1 had no number, and no
`content` and `about`.

To write a long ledger after each file would take longer than to make the file. So the entries of
the latest files are also written to a small ledger beside it, `.keys-latest`, until their number is
the square root of all; then the ledger is written as a whole. Whoever reads it reads both.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rjcma.jobs.digests import digest_files
from rjcma.jobs.files import replace
from rjcma.jobs.recipe import Recipe
from rjcma.problem import Problem

LEDGER = ".keys"
LATEST = "-latest"
FORMAT = 2

NEW, LOST, EDITED, INPUT = "new", "lost file", "edited file", "input"
UNKNOWN = "no ledger"


class Entry(NamedTuple):
    """A complete file."""

    recipe: str
    """The recipe's id."""
    inputs: str
    """The digest of the file's inputs."""
    digest: str
    """The digest of the file."""
    made_by: str = ""
    """If the file was adopted, the id of the recipe that really made it."""
    content: str = ""
    """The digest of the file without the provenance that it holds; empty if it holds none."""
    about: dict[str, Any] = {}
    """If it holds none: its provenance, except its recipe (`rjcma.jobs.provenance`)."""

    @property
    def of_content(self) -> str:
        """The digest of the file's content."""
        return self.content or self.digest


class Wanted(NamedTuple):
    """What a file is to be made from."""

    recipe: Recipe
    inputs: str


class Adoption(BaseModel):
    """Why files that were made by other recipes are kept under this one."""

    model_config = ConfigDict(extra="forbid")

    made_by: list[str]
    """Ids of the recipes."""
    checked: list[str]
    """The jobs that were done again and gave the same bytes."""


class _Content(BaseModel):
    """What the ledger's file holds."""

    model_config = ConfigDict(extra="forbid")

    format: int = Field(1, le=FORMAT)
    recipes: dict[str, Recipe] = {}
    files: dict[str, Entry] = {}
    adopted: dict[str, Adoption] = {}


class Ledger:
    """The complete files of a folder. A damaged ledger is empty, so all files are made again.

    Raises `Problem` for a ledger that a newer version of the package wrote.
    """

    def __init__(self, folder: Path, name: str = LEDGER) -> None:
        self.folder, self.path = folder, folder / name
        self.recipes: dict[str, Recipe] = {}
        self.entries: dict[str, Entry] = {}
        self.adopted: dict[str, Adoption] = {}
        self.readable = False
        self._latest: dict[str, Entry] = {}
        for path in (self.path, self._beside):
            with suppress(FileNotFoundError, NotADirectoryError):
                content = _read(path)
                self.readable = self.readable or content is not None
                if content is not None:
                    self.recipes |= content.recipes
                    self.entries |= content.files
                    self.adopted |= content.adopted

    def lacks(self, wanted: Mapping[str, Wanted]) -> dict[str, tuple[str, ...]]:
        """Which of these files are missing or outdated, and why."""
        reasons = {name: self._reasons(name, *each) for name, each in wanted.items()}
        kept = [name for name, why in reasons.items() if not why]
        digests = digest_files(self.folder / name for name in kept)
        for name, digest in zip(kept, digests, strict=True):
            if digest != self.entries[name].digest:
                reasons[name] = (EDITED,)
        return {name: why for name, why in reasons.items() if why}

    def keep(self, names: Collection[str]) -> None:
        """Forget the entries of all other files."""
        self.entries = {name: entry for name, entry in self.entries.items() if name in names}

    def add(
        self,
        name: str,
        wanted: Wanted,
        digest: str,
        content: str = "",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Enter a complete file, and write it down; see `Entry`."""
        id = wanted.recipe.id
        self.recipes[id] = wanted.recipe
        self._enter(name, Entry(id, wanted.inputs, digest, "", content, dict(about or {})))

    def take_over(self, name: str, other: Ledger) -> None:
        """Enter a file that was copied from the folder of another ledger, and write it down."""
        self.recipes = other.recipes | self.recipes
        self.adopted = other.adopted | self.adopted
        self._enter(name, other.entries[name])

    def absorb(self, other: Ledger, wanted: Mapping[str, Wanted]) -> None:
        """Take over another ledger's entries of those of these files that are lacking here."""
        lacking = self.lacks(wanted)
        outdated = other.lacks({name: wanted[name] for name in lacking})
        for name in lacking:
            if name in other.entries and (name not in outdated or name not in self.entries):
                self.entries[name] = other.entries[name]
        self.recipes = {**other.recipes, **self.recipes}
        self.adopted = {**other.adopted, **self.adopted}
        self.readable = self.readable or other.readable

    def adopt(self, files: Mapping[str, Recipe], checked: Iterable[str]) -> None:
        """Keep files under these recipes, since the checked jobs gave the same bytes."""
        makers: dict[str, set[str]] = {}
        for name, recipe in files.items():
            entry = self.entries[name]
            maker = entry.made_by or entry.recipe
            makers.setdefault(recipe.id, set()).add(maker)
            self.entries[name] = entry._replace(recipe=recipe.id, made_by=maker)
            self.recipes[recipe.id] = recipe
        for id, made_by in makers.items():
            self.adopted[id] = Adoption(made_by=sorted(made_by), checked=sorted(checked))
        self.write()

    def write(self) -> None:
        """Write the ledger, one line per file, without the recipes that made none of its files."""
        replace(self.path, self._text(self.entries))
        self._beside.unlink(missing_ok=True)
        self._latest.clear()

    @property
    def _beside(self) -> Path:
        """The small ledger of the latest files."""
        return self.path.with_name(self.path.name + LATEST)

    def _enter(self, name: str, entry: Entry) -> None:
        self.entries[name] = self._latest[name] = entry
        if len(self._latest) ** 2 >= len(self.entries):
            self.write()
        else:
            replace(self._beside, self._text(self._latest))

    def _text(self, entries: Mapping[str, Entry]) -> bytes:
        used = {id for e in entries.values() for id in (e.recipe, e.made_by) if id}
        adopters = {e.recipe for e in entries.values() if e.made_by}
        sections: dict[str, Mapping[str, object]] = {
            "recipes": {id: r.model_dump() for id, r in self.recipes.items() if id in used},
            "files": {name: _members(entry) for name, entry in entries.items()},
            "adopted": {i: a.model_dump() for i, a in self.adopted.items() if i in adopters},
        }
        text = ",\n".join(f'"{name}": {_lines(items)}' for name, items in sections.items())
        return f'{{"format": {FORMAT},\n{text}}}\n'.encode()

    def _reasons(self, name: str, recipe: Recipe, inputs: str) -> tuple[str, ...]:
        """Why a file is missing or outdated, apart from its content, which is not read here."""
        exists = (self.folder / name).is_file()
        entry = self.entries.get(name)
        if entry is None or entry.recipe not in self.recipes:
            return (UNKNOWN if exists and not self.readable else NEW,)
        changes = recipe.changes(self.recipes[entry.recipe])
        changes += [INPUT] if inputs != entry.inputs else []
        changes += [] if exists else [LOST]
        return tuple(changes)


def _read(path: Path) -> _Content | None:
    """What a ledger's file holds; None if it is damaged."""
    try:
        return _Content.model_validate_json(path.read_bytes())
    except ValidationError as error:
        for mistake in error.errors():
            if (mistake["loc"], mistake["type"]) == (("format",), "less_than_equal"):
                raise Problem(
                    file=path,
                    found=f"a ledger of format {mistake['input']}, of a newer version of rjcma",
                    expected=f"format {FORMAT}, or an older one",
                    cure="update this clone to that version (git pull, make setup); or delete the"
                    " ledger, and `dvc repro` makes every file of its folder again",
                ) from None
        return None


def _members(entry: Entry) -> list[Any]:
    """The members of an entry, without the last ones if these are empty."""
    members: list[Any] = list(entry)
    while len(members) > 3 and not members[-1]:
        members.pop()
    return members


def _lines(items: Mapping[str, object]) -> str:
    """A JSON object, sorted, with one line per item."""
    lines = [f"{json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in sorted(items.items())]
    return "{\n" + ",\n".join(lines) + "\n}" if lines else "{}"

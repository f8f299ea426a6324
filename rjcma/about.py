"""What is known of a computed file: its provenance, and what its folder's ledger says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.jobs import provenance
from rjcma.jobs.digests import digest_read
from rjcma.jobs.files import ABOUT, read_json
from rjcma.jobs.ledger import Entry, Ledger
from rjcma.jobs.provenance import REPORT, About
from rjcma.jobs.recipe import flat
from rjcma.problem import Problem

ORDER = (
    *("file", "clip", "video", "run", "stage", "function", "package", "code", "libraries"),
    *("models", "settings", "inputs", "content"),
)
"""The order in which provenance is shown; anything else follows."""

WHOLE = "the file is as it was made"
EDITED = (
    "the file is NOT as it was made: it was edited or damaged; "
    "`rjcma status --verify` and then `dvc repro` make it again"
)
UNKNOWN = "unknown whether the file is as it was made: no ledger here that can be read lists it"


class Told(NamedTuple):
    """What is known of a file."""

    path: Path
    about: About
    """Its provenance (`rjcma.jobs.provenance`)."""
    state: str
    """`WHOLE`, `EDITED` or `UNKNOWN`."""
    adopted: Mapping[str, Any]
    """If the file was adopted: the code and the libraries that it is kept for, since they make the
    same bytes, and the jobs by which this was checked."""

    def plain(self) -> dict[str, Any]:
        """All of it as plain values."""
        adopted = {"adopted": dict(self.adopted)} if self.adopted else {}
        return {
            "path": str(self.path),
            ABOUT: dict(self.about),
            "whole": None if self.state == UNKNOWN else self.state == WHOLE,
            **adopted,
        }

    def text(self) -> str:
        """All of it as aligned lines."""
        rows = [*_rows(self.about), ("state", "", self.state)]
        if self.adopted:
            rows += [("adopted", name, _shown(value)) for name, value in flat(self.adopted)]
        first = max(len(row[0]) for row in rows)
        second = max(len(row[1]) for row in rows)
        lines, before = [str(self.path)], ""
        for key, name, value in rows:
            shown = "" if key == before else key
            middle = f"  {name:<{second}}" if name else ""
            lines.append(f"  {shown:<{first}}{middle}  {value}")
            before = key
        return "\n".join(lines)


def tell(path: Path) -> Told:
    """What is known of a file. Raises `Problem` if there is no such file, or nothing is known.

    A ledger of a newer version of the package is a problem only if the file itself says nothing.
    """
    if not path.is_file():
        raise Problem(
            file=path,
            found="a folder" if path.is_dir() else "no such file",
            expected="a computed file: a feature, a file of a run or of the report",
            cure="give its path, such as data/report/table.csv",
        )
    about = provenance.read(path)
    try:
        ledger = Ledger(path.parent)
    except Problem:
        if about is None:
            raise
        return Told(path, about, UNKNOWN, {})
    if (entry := ledger.entries.get(path.name)) is not None:
        about = _of_entry(path.name, entry, ledger) if about is None else about
        return Told(path, about, _state(path, entry.digest), _adopted(entry, ledger))
    if about is not None:
        return Told(path, about, UNKNOWN, {})
    if (told := _in_report(path)) is not None:
        return told
    raise Problem(
        file=path,
        found="no provenance: not in the file, nor in a ledger or about.json beside it",
        expected="a computed file: a feature, a file of a run or of the report",
        cure="give such a file; if stages made it, delete it and run `dvc repro`",
    )


def _state(path: Path, digest: str) -> str:
    return WHOLE if digest_read(path) == digest else EDITED


def _of_entry(name: str, entry: Entry, ledger: Ledger) -> About:
    """The provenance of a file that holds none, as the ledger has it."""
    recipe = ledger.recipes.get(entry.made_by or entry.recipe)
    parts = recipe.model_dump() if recipe else {}
    return {"file": name, **entry.about, **parts, "content": entry.of_content}


def _adopted(entry: Entry, ledger: Ledger) -> Mapping[str, Any]:
    if not entry.made_by or entry.recipe not in ledger.adopted:
        return {}
    recipe, adoption = ledger.recipes[entry.recipe], ledger.adopted[entry.recipe]
    return {"code": recipe.code, "libraries": recipe.libraries, "checked": adoption.checked}


def _in_report(path: Path) -> Told | None:
    """What the report to which a file belongs says of it."""
    for folder in path.parents:
        if (about := provenance.read(folder / REPORT)) is not None:
            name = path.relative_to(folder).as_posix()
            expected, cure = "the provenance of a report", "delete it and run `dvc repro`"
            files = read_json(folder / REPORT, expected=expected, cure=cure).get("files")
            if isinstance(files, dict) and name in files:
                return Told(path, {"file": name, **about}, _state(path, files[name]), {})
    return None


def _rows(about: About) -> Iterator[tuple[str, str, str]]:
    """Key, name below it, and value; a key without a value is left out."""
    ordered = sorted(about, key=lambda key: ORDER.index(key) if key in ORDER else len(ORDER))
    for key in ordered:
        value = about[key]
        if isinstance(value, Mapping):
            for name, one in sorted(flat(value)):
                yield key, name, _shown(one)
        elif value != "":
            yield key, "", _shown(value)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

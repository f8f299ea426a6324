"""The settings of an ablation's rows: the params file's, changed by dotted key and checked anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from rjcma.fusion.settings import Fusion, Recursions
from rjcma.problem import Problem
from rjcma.scoring.ablation_rows import Ablation, mistake
from rjcma.training.encoders import Encoders
from rjcma.training.sections import Settings
from rjcma.training.settings import Training
from rjcma.training.windows import Windows

KINDS: dict[str, Any] = {
    "recursions": Recursions,
    "encoders": Encoders,
    "windows": Windows,
    "fusion": Fusion,
    "training": Training,
}
"""The sections that a row may set: those that shape a run, except how the corpus is divided."""

_IN_PARAMS = "set it in the params file: all rows read the same features"
KEPT = {
    "training.seed": "list seeds under seeds: each run draws its own from one of them",
    "encoders.mode": _IN_PARAMS,
    "encoders.features": _IN_PARAMS,
    "encoders.encode": _IN_PARAMS,
}
"""Keys of these sections that no row may set, and what to do instead."""

Rows = Mapping[tuple[str, str], Settings]
"""Settings by the names of table and row."""


def of_rows(ablation: Ablation, base: Settings, file: object) -> Rows:
    """The settings of every row; `base` are the params file's.

    Raises `Problem`, naming the rows' file, the row and the key, for what a section does not allow.
    """
    return {
        (name, row.name): changed(
            base, {**ablation.base, **row.set}, f"{file}: table {name}: row {row.name}"
        )
        for name, table in ablation.tables.items()
        for row in table.rows
    }


def changed(settings: Settings, changes: Mapping[str, Any], where: str) -> Settings:
    """The settings with the values at these dotted keys. Raises `Problem` that begins with `where`.

    A key may name a value (`fusion.absence.text`) or a part (`fusion.absence`), which is replaced.
    """
    sections = {name: _plain(getattr(settings, name)) for name in KINDS}
    for key, value in changes.items():
        _put(sections, key, value, where)
    return settings._replace(**{name: _checked(name, sections[name], where) for name in KINDS})


def _plain(section: Any) -> Any:
    return section.model_dump() if isinstance(section, BaseModel) else section


def _put(sections: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set a dotted key, which must be there already: sections are dumped with all their keys."""
    for kept, cure in KEPT.items():
        if key == kept or key.startswith(kept + "."):
            raise _problem(where, f"key {key}", "a key that rows may differ in", cure)
    *path, last = key.split(".")
    inside: dict[str, Any] = sections
    for part in path:
        below = inside.get(part)
        inside = below if isinstance(below, dict) else {}
    if last not in inside:
        known = f"one of {', '.join(inside)}" if inside else "a key of the params file"
        raise _problem(where, f"key {key} = {value!r}", known, "correct or remove that key")
    inside[last] = value


def _checked(name: str, section: Any, where: str) -> Any:
    """The section as its own class makes it."""
    try:
        return TypeAdapter(KINDS[name]).validate_python(section)
    except ValidationError as error:
        found, expected = mistake(error, name)
        raise _problem(where, found, expected, "correct that value") from None


def _problem(where: str, found: str, expected: str, cure: str) -> Problem:
    return Problem(file=where, found=found, expected=expected, cure=cure)
